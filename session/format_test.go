package session

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session/keyring"
)

// What was written once can still be read: a change that fails here signs every user out, and needs a version of its own
// beside the old one.

var (
	formatSecret = bytes.Repeat([]byte{'a'}, keyring.MinSecret)
	formatToken  = Token{
		ID:     ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Secret: Secret{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
	}
)

func TestTokenFormat(t *testing.T) {
	r, err := keyring.New(formatSecret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenToken(r, "Afg7RpQV5MRo0h3m_BQH9SCsAYWX5EZvT86pLfMYAxL-MacYohh6Q7HqbrXva5X_G0RougY6I36E_vyLCRiW", "wiki.example.com", "__Host-latchkey")
	if err != nil || got != formatToken {
		t.Errorf("%v, %v", got, err)
	}
	if key, short := formatToken.ID.Key(), formatToken.ID.Short(); key != "s:gx1_YAt608Gc1YL_7HKrEg" || short != "jZc7Ne5T9b" {
		t.Errorf("key %q, short %q", key, short)
	}
}

func TestRecordFormat(t *testing.T) {
	s := &Record{
		ID: formatToken.ID, Provider: "p", Identity: Identity{Issuer: "i", Subject: "s"}, ProviderSession: "sid",
		User: "u", Name: "n", Email: "e", Guest: true, Claims: []byte("c"), UserInfo: []byte("ui"), Groups: []string{"g1", "g2"},
		GroupsComplete: true, GroupsAsOf: time.UnixMilli(1).UTC(), Kind: Persistent, KindReason: "k",
		Created: time.UnixMilli(1 << 41).UTC(), AuthTime: time.UnixMilli(3).UTC(), ACR: "acr", AMR: []string{"m1", "m2"},
		LastUsed: time.UnixMilli(1<<41 + 5).UTC(), Limit: Limit{Idle: 90 * 24 * time.Hour, Max: 180 * 24 * time.Hour},
		BrowserID: "b", FirstIP: "ip", FirstAgent: "a", Apps: []string{"a1", "a2"}, sealedTokens: []byte("t"), unknown: field(unknownTag, "x"), flags: 1 << 20,
	}
	const record = "0110000102030405060708090a0b0c0d0e0f020170030169040173050373696406017507016e0801650904868080010a01630b0275690c0267310c0267320d01020e01020f016b100780808080808001110106120361637213026d3113026d3214078a80808080800115088080b0dce28ed01b16088080e0b8c59da037170162180269701901611a0261311a0261328080400178" + // what is unknown
		"1b0174" // the sealed tokens, last
	if got := hex.EncodeToString(written(s)); got != record {
		t.Errorf("written as %s", got)
	}
	b, err := hex.DecodeString(record)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeRecord(b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("read as %+v, %v", got, err)
	}
}
