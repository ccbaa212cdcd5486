package adminapi

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
)

// adminStatus answers GET /latchkey/status. It is an answer also while the store is away.
func adminStatus(r *http.Request, app *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	_ = app.Sessions().Ping(r.Context()) // which Health then knows of
	return app.Status(), nil
}
