package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/latchkey-gateway/latchkey/session/signin/claim"
)

// GraphURL is the address of Microsoft Graph, which has the groups that Entra could not send.
const GraphURL = "https://graph.microsoft.com/v1.0"

// graphGroups requests all groups of the access token's user from Microsoft Graph, as Entra requires if a token
// contains only a reference to them (A6). It does not follow the reference itself: it is a URL in a token, and leads to
// an API that no longer exists. The access token must be valid for Graph, which is so with only the scopes of OpenID
// Connect.
func (c *Config) graphGroups(ctx context.Context, accessToken string) ([]string, error) {
	body := []byte(`{"securityEnabledOnly":false}`)
	target := strings.TrimSuffix(c.Claims.GraphURL, "/") + "/me/getMemberObjects"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+accessToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.Client.Do(req)
	if err != nil {
		return nil, transportError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	answer, err := claim.Parse(raw)
	if err != nil || answer["value"] == nil {
		return nil, errors.New("answer holds no list")
	}
	if answer["@odata.nextLink"] != nil {
		return nil, errors.New("answer is only a part")
	}
	var groups []string
	if err := json.Unmarshal(answer["value"], &groups); err != nil {
		return nil, errors.New("answer holds no list of names")
	}
	return groups, nil
}
