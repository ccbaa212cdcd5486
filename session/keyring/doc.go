// Package keyring seals and signs with the keys of one installation.
//
// A Ring holds one or more keys, the newest first. It seals with the newest key and opens with any of them, so a key
// is rotated without a sign-out: Replace adds a newer key in front, and later drops the oldest. From each secret the
// ring derives one key for each Purpose, and one key for signatures (Signer). A sealed value opens only for the
// purpose and the place that it was sealed for.
//
// The package decides whether a value was sealed by this ring, and under which key. "Not ours" (ErrUnsealable) is
// never mixed up with "cannot be found out now", which is the error of the function given to OnUnknown.
//
// It never decides when a key is made, rotated or retired, never stores a key, and reads no clock. It does not know
// what the sealed values mean.
package keyring
