// Package keyring seals and signs with the keys of one installation.
//
// A Ring contains one or more keys, the newest first. It opens with any of them, and seals with the newest whose time has
// come (Key.Seals). So a key is rotated without signing users out: Replace adds a newer key in front, which first only
// opens, until every replica has it; then it seals, and later Replace drops the oldest. From each secret the ring derives
// one key for each Purpose, and one key for signatures (Signer). A sealed value opens only for the purpose and the place
// for which it was sealed.
//
// The package decides whether this ring sealed a value, and with which key. "Not sealed by this ring" (ErrUnsealable)
// is never confused with "not known at the moment", which is the error of the function given to OnUnknown.
//
// It does not decide when a key is created, rotated or retired, does not store keys, and reads no clock. It does not
// know what the sealed values mean. The time comes from the caller of Replace and SealAt.
package keyring
