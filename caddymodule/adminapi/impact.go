package adminapi

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// ImpactPath is the endpoint that compares the running configuration with another one.
	ImpactPath = "/latchkey/impact"
	// maxConfig is the largest configuration in a request.
	maxConfig = 32 << 20
)

// adminImpact answers POST /latchkey/impact, an ImpactQuery, with an Impact.
func adminImpact(r *http.Request, app *app.App) (any, error) {
	q := new(explain.ImpactQuery)
	if err := readBody(r, q, maxConfig, "such question"); err != nil {
		return nil, err
	}
	im, err := app.Impact(r.Context(), q, time.Now())
	switch {
	case err == nil:
		return im, nil
	case errors.Is(err, session.ErrUnavailable), errors.Is(err, session.ErrClosed):
		return nil, err
	}
	return nil, refuse(http.StatusBadRequest, "%w", err)
}
