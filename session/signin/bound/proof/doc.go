// Package proof says whether a browser holds a device's key: it reads the proofs of Device Bound Session Credentials.
//
// A proof is a signed JWT in the header Secure-Session-Response (w3c/webappsec-dbsc, sections 8 and 9). Register takes the
// first proof of a session, which brings the key; Refresh takes every later one, which must be signed with that key. Both
// check the form, the algorithm, the key and the signature. The reading is bounded in time and in memory.
//
// It does not know which challenge was given, when, or to whom, and neither who may register. That is for its callers.
package proof
