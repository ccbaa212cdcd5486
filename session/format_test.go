package session

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
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

// fullRecord is a record with every field, in words of its own for each.
func fullRecord() *Record {
	at := func(n int64) time.Time { return time.UnixMilli(1_790_000_000_000 + n).UTC() }
	return &Record{
		ID: formatToken.ID, Provider: "entra", Identity: Identity{Issuer: "https://idp.example", Subject: "subject"},
		Limit: Limit{Idle: 90 * 24 * time.Hour, Max: 180 * 24 * time.Hour}, LastUsed: at(1), Created: at(2), Began: at(-3), GroupsAsOf: at(4), Confirmed: at(5),
		Apps: []string{"wiki", "mail"}, Kind: Persistent, Renewable: true, EmailVerified: true, UserUnverified: true, Guest: true, GuestUnclear: true,
		GroupsUnclear: true, GroupsComplete: true, User: "ada", Name: "Ada", Email: "ada@example.com", Groups: []string{"staff", ""},
		Unverified: []string{"ada@other.example", "countess"}, Claims: []byte(`{"a":1}`), UserInfo: []byte(`{"b":2}`), ProviderSession: "sid",
		KindReason: "asked", AuthTime: at(6), ACR: "acr", AMR: []string{"pwd", "mfa"}, Contexts: []string{"c1", "c2"}, SignInRisk: "low", UserRisk: "medium",
		Compliant: "true", Managed: "false", Shared: "unreadable", SteppedUp: at(7), StepUps: 3, BrowserID: "browser", FirstIP: "192.0.2.1", FirstAgent: "agent",
		Binding: Binding{
			DeviceKey: DeviceKey{Place: "host", Identifier: "!id", Key: []byte("key"), Algorithm: "ES256", Registered: at(8)},
			More:      []DeviceKey{{Place: "other", Identifier: "!two", Key: []byte("key2"), Algorithm: "RS256", Registered: at(10)}},
			Since:     at(9),
			Limit:     Limit{Idle: 24 * time.Hour, Max: 48 * time.Hour},
		},
		KnownAs: []string{"mail:ada@example.com"},
		Signalled: Signalled{
			Reauthenticate: at(10), Weakened: at(11), UserRisk: Stated{Value: "high", Until: at(12), Since: at(16), From: "okta"},
			SignInRisk: Stated{Value: "low", Until: at(13), Since: at(17), From: "hub"},
			Compliant:  Stated{Value: "false", Until: at(14), Since: at(18), From: "mdm"}, Recheck: at(15),
		},
		sealedTokens: []byte("sealed"), unknown: field(unknownTag, "newer"), flags: 1 << 40,
	}
}

// fullFormat is fullRecord as the version before the table of fields wrote it.
const fullFormat = "0110000102030405060708090a0b0c0d0e0f0205656e747261031368747470733a2f2f6964702e6578616d706c6504077375626a6563740503736964" +
	"06036164610703416461080f616461406578616d706c652e636f6d0906fe81808080400a077b2261223a317d0b077b2262223a327d0c057374616666" +
	"0c000d0688b083c598680e01020f0561736b6564100684b083c5986811068cb083c598681203616372130370776413036d6661140682b083c5986815" +
	"088080b0dce28ed01b16088080e0b8c59da037170762726f7773657218093139322e302e322e3119056167656e741a0477696b691a046d61696c1c02" +
	"63311c0263321d036c6f771e066d656469756d1f0474727565200566616c7365210a756e7265616461626c6522068eb083c598682301062406faaf83" +
	"c5986825068ab083c598682611616461406f746865722e6578616d706c652608636f756e74657373" +
	"270321696428036b6579290545533235362a0690b083c598682b0692b083c598682c078080f89492a5272d078080f0a9a4ca4e" +
	"2e04686f73742f2201056f7468657202042174776f03046b65793204055253323536050694b083c59868" +
	"30146d61696c3a616461406578616d706c652e636f6d" +
	"310694b083c59868320696b083c59868330468696768340698b083c5986835036c6f7736069ab083c59868370566616c736538069cb083c59868" +
	"39069eb083c598683a06a0b083c598683b046f6b74613c06a2b083c598683d036875623e06a4b083c598683f036d646d" +
	"808040056e657765721b067365616c6564"

// Each field of a record is stored under the number, and in the form, in which it was always stored. A field that is added
// is added to fullRecord and, at its place by number, to fullFormat.
func TestRecordFormatOfEveryField(t *testing.T) {
	s := fullRecord()
	for f, v := range reflect.ValueOf(s).Elem().Fields() {
		if f.IsExported() && f.Name != "Version" && v.IsZero() {
			t.Errorf("%s is not in fullRecord", f.Name)
		}
	}
	if got := hex.EncodeToString(written(s)); got != fullFormat {
		t.Errorf("written as %s", got)
	}
	b, err := hex.DecodeString(fullFormat)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeRecord(b); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("read as %+v, %v", got, err)
	}
}

// recordBefore is a record as the version before fieldConfirmed and fieldUnverified wrote it: Sam, whose user name is a mail
// address, and whose provider says nothing of whether that is verified.
const recordBefore = "0110010203000000000000000000000000000205656e747261031968747470733a2f2f6c6f67696e2e6578616d706c652e636f6d040c323438323839373631303031" +
	"060f73616d406578616d706c652e636f6d080f73616d406578616d706c652e636f6d0901140c0573746166660d0680b4b086bf680e0102100680faf882bf68" +
	"110680faf882bf6813037077641406c0ddb786bf6815078080f89492a52716088080c892ff8393021d036c6f77"

// A78, A10: a record of before opens, and what it does not say counts as not verified: the address opens nothing to Sam and
// still restricts them. The last answer of the provider is that of the groups.
func TestRecordOfBefore(t *testing.T) {
	data, err := hex.DecodeString(recordBefore)
	if err != nil {
		t.Fatal(err)
	}
	s, err := decodeRecord(data)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	if s.Kind != Persistent || !s.GroupsComplete || !s.Renewable || !slices.Equal(s.Groups, []string{"staff"}) || s.Limit.Idle != 24*time.Hour {
		t.Errorf("read %+v", s)
	}
	if len(s.Unverified) != 0 || s.UserUnverified || s.GuestUnclear || s.GroupsUnclear || !s.Confirmed.IsZero() || s.Binding.Bound() || !s.LastAnswer().Equal(at) {
		t.Errorf("it says what it cannot know: %+v, last answer %v", s, s.LastAnswer())
	}
	names, claimed := s.Called(false)
	if len(names) != 0 || !slices.Equal(claimed, []string{"sam@example.com"}) || s.AppUser(false) != "248289761001" {
		t.Errorf("called %q, perhaps %q, %q to applications", names, claimed, s.AppUser(false))
	}
	if !bytes.Equal(written(s), data) {
		t.Error("not the same when written again, so a replica of before could not read it")
	}
}
