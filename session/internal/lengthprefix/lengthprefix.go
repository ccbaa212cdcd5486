// Package lengthprefix writes a list of strings as bytes, each behind its length, so that no two lists have the same
// bytes: {"a", "bc"} and {"ab", "c"} differ (A72).
//
// It writes what is then hashed or authenticated. It never reads the list back.
package lengthprefix

import "encoding/binary"

// Append appends the strings to out.
func Append(out []byte, parts ...string) []byte {
	for _, s := range parts {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}
