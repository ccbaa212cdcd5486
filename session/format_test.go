package session

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"
)

// What was sealed and written once stays readable: a change that fails here signs everybody out, and needs a version of
// its own beside the old one. It also holds that each purpose has a key of its own.

var (
	formatSecret = bytes.Repeat([]byte{'a'}, MinSecret)
	formatToken  = Token{
		ID:     ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Secret: Secret{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31},
	}
)

func TestSealedFormat(t *testing.T) {
	r, err := NewKeyRing(formatSecret)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.OpenToken("Afg7RpQV5MRo0h3m_BQH9SCsAYWX5EZvT86pLfMYAxL-MacYohh6Q7HqbrXva5X_G0RougY6I36E_vyLCRiW", "wiki.example.com", "__Host-latchkey")
	if err != nil || got != formatToken {
		t.Errorf("%v, %v", got, err)
	}
	for purpose, sealed := range map[Purpose]string{
		purposeCookie:  "01f83b7baaa2d97bd4e25c1b2e031eae78d7c6ac7b8ffeba1bb2d02ac91a89eaa93e7e35",
		purposeRecord:  "01f83b358775fe6f55ba2dfd0608f150520e08444bccde462d98fc51b9a555719d6daa9d",
		PurposeFlow:    "01f83b151b503a177a7b8a5f29c446bb8163742abff98f8ede2928c4f9b1ed0f8f301623",
		PurposePending: "01f83b6ba06accde2da4c9025b92a2b7bbf03857653e11c1264d26407ce8ecd7df7d6196",
		PurposeAnswer:  "01f83b8fa6a44a4494f58e3bfde28e1d1683059b3efb96c145ad51ad1529d33af934aaaf",
		PurposeBrowser: "01f83b706cbca35c49810a6d94aec0021b32816624b2183b0d65b8e7b56d88979d9fd227",
	} {
		b, err := hex.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := r.Open(purpose, b, "place", "name")
		if err != nil || string(plain) != "plain" {
			t.Errorf("%s: %q, %v", purpose, plain, err)
		}
	}
	if got := hex.EncodeToString(r.Sum("a", "bc")); got != "9de3b3fa7d5d3e49dbb0aa28067cb438298a994ed7ae70ed2b5eedb2e2885bd5" {
		t.Errorf("sum %s", got)
	}
	if key, short := formatToken.ID.Key(), formatToken.ID.Short(); key != "s:gx1_YAt608Gc1YL_7HKrEg" || short != "jZc7Ne5T9b" {
		t.Errorf("key %q, short %q", key, short)
	}
	b, err := hex.DecodeString("01f83b4b02877fa89462d768ff34c6d409b76ae28f35c0df0d67f25e5e7f67853e715598")
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := r.openTokens(formatToken.Secret, b, "place"); err != nil || string(plain) != "plain" {
		t.Errorf("tokens: %q, %v", plain, err)
	}
}

func TestRecordFormat(t *testing.T) {
	s := &Session{
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
	if got, err := decodeSession(b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("read as %+v, %v", got, err)
	}
}
