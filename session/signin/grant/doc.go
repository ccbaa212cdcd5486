// Package grant sends requests to a token endpoint (RFC 6749, section 3.2) and classifies its answers: tokens, the end
// of a grant, or an outage. It also pushes authorization requests (RFC 9126), which are sent and refused alike. Its callers decide what happens to a session. It never logs, and its errors never contain a
// token, a code or a secret.
package grant
