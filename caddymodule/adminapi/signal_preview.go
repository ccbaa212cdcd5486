package adminapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
)

// SignalsTestPath is the endpoint that says what an event of a provider would do.
const SignalsTestPath = "/latchkey/signals/test"

// adminTestSignal answers POST /latchkey/signals/test, a SignalQuery, with a SignalImpact. It changes nothing.
func adminTestSignal(r *http.Request, a *app.App) (any, error) {
	q := new(explain.SignalQuery)
	if err := readBody(r, q, maxQuery, "such question"); err != nil {
		return nil, err
	}
	im, err := app.PreviewSignal(r.Context(), a, q, time.Now())
	if mistake := new(explain.QueryError); errors.As(err, &mistake) {
		return nil, refuse(http.StatusBadRequest, "%w", mistake.Err)
	}
	if err != nil {
		return nil, err
	}
	return im, nil
}
