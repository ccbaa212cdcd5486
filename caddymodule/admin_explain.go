package caddymodule

import "net/http"

const (
	explainPath = "/latchkey/explain"
	// maxQuery bounds the body of a query.
	maxQuery = 1 << 20
)

// adminExplain answers POST /latchkey/explain, a Query, with an Explanation of the configuration that runs.
func adminExplain(r *http.Request, app *App, _ []string) (any, error) {
	q := new(Query)
	if err := readBody(r, q, maxQuery, "such question"); err != nil {
		return nil, err
	}
	ex, err := app.explain(q)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return ex, nil
}
