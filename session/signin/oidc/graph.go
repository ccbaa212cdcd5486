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

// GraphURL is Microsoft Graph, where the groups are that Entra could not send.
const GraphURL = "https://graph.microsoft.com/v1.0"

// graphGroups asks Microsoft Graph for all groups of the person to whom the access token belongs, as Entra wants it
// where a token holds only a pointer (A6). The pointer itself is not followed: it is a URL in a token, and leads to an
// interface that is gone. The access token must be one for Graph, which it is with the scopes of OpenID Connect alone.
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
