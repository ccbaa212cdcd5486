package adminapi

import (
	"net/http"

	"github.com/latchkey-gateway/latchkey/caddymodule/app"
)

// adminStatus answers GET /latchkey/status. It also answers while the store is unavailable.
func adminStatus(r *http.Request, app *app.App) (any, error) {
	if _, err := queryOf(r); err != nil {
		return nil, err
	}
	_ = app.Sessions().Ping(r.Context()) // Health then includes the result
	return app.Status(), nil
}
