package adminapi

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

const (
	// ExplainPath is the endpoint that explains the decision on a request.
	ExplainPath = "/latchkey/explain"
	// maxQuery is the largest body of a query.
	maxQuery = 1 << 20
)

// adminExplain answers POST /latchkey/explain, a Query, with an Explanation for the running configuration.
func adminExplain(r *http.Request, a *app.App) (any, error) {
	q := new(explain.Query)
	if err := readBody(r, q, maxQuery, "such question"); err != nil {
		return nil, err
	}
	if err := app.Reported(r.Context(), a, q); err != nil {
		return nil, err
	}
	estate := a.Estate()
	ex, err := estate.Explain(q)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return ex, nil
}
