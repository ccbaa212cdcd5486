#!/usr/bin/env bash
# Two MCP clients in Go at one server, whose 401 names the metadata of its origin (RFC 9728, section 5.1). Next to it stands
# that of the path: a client finds either by the rules of section 3.1. The SDK in TypeScript signs in there (1.32.2).
# 1. github.com/mark3labs/mcp-go 1.2.1 signs in first, because it makes the address itself before it has asked the server. When the
#    token is refused later, it uses the address of the 401 and no other, and wants the resource in it to be its server's address:
#    it never signs in again, although nothing has changed at the server.
# 2. github.com/modelcontextprotocol/go-sdk 1.8.0 passes over what the 401 names, without a word, and takes that of the path.
# 3. With a query in the server's address go-sdk passes over each of them, takes the MCP server for the authorization server, and
#    makes an address for the browser with the path behind the query. mcp-go drops the query.
# Seen: the lines at the end of this file. Fails if one of them changes. Needs: go.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module findings\n\ngo 1.26\n\nrequire (\n\tgithub.com/mark3labs/mcp-go v1.2.1\n\tgithub.com/modelcontextprotocol/go-sdk v1.8.0\n)\n' >go.mod
cat >main.go <<'G'
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	third "github.com/mark3labs/mcp-go/mcp"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

const prm = "/.well-known/oauth-protected-resource"

var asked []string // paths of metadata, in order

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func main() {
	var server, as *httptest.Server
	as = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer(w, map[string]any{"issuer": as.URL, "authorization_endpoint": as.URL + "/authorize", "token_endpoint": as.URL + "/token",
			"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"}})
	}))
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, is := strings.CutPrefix(r.URL.Path, prm)
		switch {
		case is:
			asked = append(asked, strings.Replace(r.URL.RequestURI(), prm, "PRM", 1))
			answer(w, map[string]any{"resource": server.URL + path, "authorization_servers": []string{as.URL}})
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			http.NotFound(w, r)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+server.URL+prm+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	say := func(what, browser string, err error) {
		end := "no sign-in"
		if browser != "" {
			end = "browser to " + browser[:strings.Index(browser, "client_id=")-1]
		}
		if err != nil {
			end += ": " + err.Error()
		}
		fmt.Printf("%s: %s; %s\n", what, strings.Join(asked, " "), strings.NewReplacer(as.URL, "AS", server.URL, "SERVER").Replace(end))
		asked = nil
	}

	ours := func(what, query, token string) {
		store := client.NewMemoryTokenStore()
		if token != "" {
			store.SaveToken(context.Background(), &client.Token{AccessToken: token, TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)})
		}
		c, err := client.NewOAuthStreamableHttpClient(server.URL+"/mcp"+query, client.OAuthConfig{ClientID: "id", ClientSecret: "secret",
			RedirectURI: "http://127.0.0.1:1/cb", PKCEEnabled: true, TokenStore: store}, transport.WithHTTPTimeout(10*time.Second))
		if err == nil {
			err = c.Start(context.Background())
		}
		if err == nil {
			_, err = c.Initialize(context.Background(), third.InitializeRequest{})
		}
		if !client.IsOAuthAuthorizationRequiredError(err) {
			panic(err)
		}
		browser, err := client.GetOAuthHandler(err).GetAuthorizationURL(context.Background(), "state", "challenge")
		say(what, browser, err)
	}
	ours("mcp-go, no token", "", "")
	ours("mcp-go, a token that is refused", "", "old")
	ours("mcp-go, a query, no token", "?x=1", "")

	official := func(what, query string) {
		browser := ""
		handler, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
			PreregisteredClient: &oauthex.ClientCredentials{ClientID: "id", ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: "secret"}},
			RedirectURL:         "http://127.0.0.1:1/cb",
			AuthorizationCodeFetcher: func(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
				if browser == "" {
					browser = args.URL
					say(what, browser, nil)
				}
				return nil, errors.New("the user goes no further")
			},
		})
		if err != nil {
			panic(err)
		}
		c := mcp.NewClient(&mcp.Implementation{Name: "client", Version: "1"}, nil)
		if _, err = c.Connect(context.Background(), &mcp.StreamableClientTransport{Endpoint: server.URL + "/mcp" + query, OAuthHandler: handler}, nil); browser == "" {
			say(what, "", err)
		}
		asked = nil
	}
	official("go-sdk", "")
	official("go-sdk, a query", "?x=1")
}
G
GOFLAGS=-mod=mod go build -o client . 2>build.log || { cat build.log >&2; exit 2; }
timeout 60 ./client | tee seen
diff seen - <<'E'
mcp-go, no token: PRM/mcp; browser to AS/authorize
mcp-go, a token that is refused: PRM; no sign-in: failed to get server metadata: advertised protected resource metadata declares resource "SERVER" which does not match base URL "SERVER/mcp"
mcp-go, a query, no token: PRM/mcp; browser to AS/authorize
go-sdk: PRM PRM/mcp; browser to AS/authorize
go-sdk, a query: PRM PRM/mcp?x=1 PRM?x=1; browser to SERVER?x=1/authorize
E
