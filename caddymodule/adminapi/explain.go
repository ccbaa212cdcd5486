package adminapi

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

const (
	// ExplainPath is the endpoint that says what would be decided about a request.
	ExplainPath = "/latchkey/explain"
	// maxQuery bounds the body of a query.
	maxQuery = 1 << 20
)

// adminExplain answers POST /latchkey/explain, a Query, with an Explanation of the configuration that runs.
func adminExplain(r *http.Request, app *app.App) (any, error) {
	q := new(explain.Query)
	if err := readBody(r, q, maxQuery, "such question"); err != nil {
		return nil, err
	}
	estate := app.Estate()
	ex, err := estate.Explain(q)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return ex, nil
}
