package keyring

import (
	"crypto/sha256"
)

// expand is hkdf.Key with SHA-256 for one key of 32 bytes (RFC 5869). A sign-in needs it three times, and this way makes no
// garbage. A test compares the two.
func expand(secret, salt []byte, info string) [sha256.Size]byte {
	extracted := mac(salt, secret, nil)
	return mac(extracted[:], []byte(info), []byte{1})
}

// mac is HMAC with SHA-256 over two parts (RFC 2104).
func mac(key, first, second []byte) [sha256.Size]byte {
	var padded [sha256.BlockSize]byte
	if len(key) > len(padded) {
		short := sha256.Sum256(key)
		key = short[:]
	}
	copy(padded[:], key)
	var room [2 * sha256.BlockSize]byte
	inner := append(append(append(room[:0], masked(padded, 0x36)...), first...), second...)
	sum := sha256.Sum256(inner)
	outer := append(append(room[:0], masked(padded, 0x5c)...), sum[:]...)
	return sha256.Sum256(outer)
}

func masked(block [sha256.BlockSize]byte, with byte) []byte {
	for i := range block {
		block[i] ^= with
	}
	return block[:]
}
