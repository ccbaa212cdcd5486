// Package grant asks a token endpoint (RFC 6749, section 3.2) and says what its answer means: tokens, the end of a
// grant, or an outage. It decides what an answer is; what becomes of a session is its caller's. It never logs, and no
// error of it holds a token, a code or a secret.
package grant
