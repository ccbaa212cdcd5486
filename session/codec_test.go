package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/internal/pack"
)

// The numbers of some fields, as they always were.
const (
	fieldID       = 1
	fieldIssuer   = 3
	fieldSubject  = 4
	fieldUser     = 6
	fieldFlags    = 9
	fieldClaims   = 10
	fieldUserInfo = 11
	fieldKind     = 14
	fieldCreated  = 16
	fieldLastUsed = 20
	fieldIdle     = 21
	fieldMax      = 22
	// unknownTag is a field that no version has yet.
	unknownTag = 1 << 20
)

func field(tag uint64, value string) []byte {
	var w pack.FieldWriter
	w.Put(tag, []byte(value))
	return w.Out
}

// fill gives every field of a struct a value that is not its zero. A field of a kind that it does not know, so one that
// was added later, fails the test.
func fill(t *rapid.T, v reflect.Value, path string) {
	text := rapid.StringN(1, 40, -1)
	for i := range v.NumField() {
		f, name := v.Field(i), path+v.Type().Field(i).Name
		if !f.CanSet() {
			continue // set by drawRecord
		}
		switch to := f.Addr().Interface().(type) {
		case *ID:
			copy(to[:], rapid.SliceOfN(rapid.ByteRange(1, 255), 16, 16).Draw(t, name))
		case *string:
			*to = text.Draw(t, name)
		case *bool:
			*to = true
		case *[]byte:
			*to = rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, name)
		case *[]string:
			*to = rapid.SliceOfN(rapid.String(), 1, 20).Draw(t, name)
		case *[]DeviceKey:
			*to = make([]DeviceKey, rapid.IntRange(1, MaxKeys-1).Draw(t, name))
			for i := range *to {
				fill(t, reflect.ValueOf(&(*to)[i]).Elem(), name+".")
			}
		case *time.Time:
			*to = time.UnixMilli(rapid.Int64Range(-1<<50, 1<<50).Draw(t, name)).UTC()
		case *time.Duration:
			*to = time.Duration(rapid.Int64Range(1, math.MaxInt64).Draw(t, name))
		case *Kind:
			*to = Persistent
		case *int:
			*to = rapid.IntMin(1).Draw(t, name)
		case *uint64:
			*to = rapid.Uint64Min(1).Draw(t, name)
		default:
			if f.Kind() != reflect.Struct {
				t.Fatalf("field %s of type %s: teach this test, and the codec, what it is", name, f.Type())
			}
			fill(t, f, name+".")
		}
	}
}

func drawRecord(t *rapid.T) *Record {
	s := &Record{}
	fill(t, reflect.ValueOf(s).Elem(), "")
	s.sealedTokens = rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "sealedTokens")
	s.unknown = field(unknownTag, rapid.String().Draw(t, "unknown"))
	s.flags = rapid.Int64().Draw(t, "flags") &^ knownFlags
	return s
}

// A78: no field is forgotten, whichever it is, not even those that only a newer version knows.
func TestCodecKeepsEveryField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawRecord(t)
		got, err := decodeRecord(written(s))
		if err != nil {
			t.Fatal(err)
		}
		s.Version = 0 // the store's, not the record's
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("wrote %+v\nread  %+v", s, got)
		}
		if again := written(got); !bytes.Equal(again, written(s)) {
			t.Fatal("not the same when written again")
		}
	})
}

// Each field on its own reaches the record: none hides behind another.
func TestCodecFieldByField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		full := reflect.ValueOf(drawRecord(t)).Elem()
		for i := range full.NumField() {
			name := full.Type().Field(i).Name
			if name == "Version" || !full.Type().Field(i).IsExported() {
				continue
			}
			var s Record
			reflect.ValueOf(&s).Elem().Field(i).Set(full.Field(i))
			if name != "ID" && bytes.Equal(written(&s), written(&Record{})) {
				t.Fatalf("%s is not written", name)
			}
		}
	})
}

// A30: a copy shares no list with the original, whichever fields there are, and every time is as it will be stored.
func TestCloneAndRoundTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawRecord(t)
		v := reflect.ValueOf(s).Elem()
		for i := range v.NumField() {
			if !v.Field(i).CanSet() {
				continue
			}
			if at, ok := v.Field(i).Interface().(time.Time); ok {
				v.Field(i).Set(reflect.ValueOf(at.Add(999_999).In(time.FixedZone("CET", 3600))))
			}
		}
		c := s.clone()
		c.roundTimes()
		copied := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if !v.Field(i).CanSet() {
				continue // replaced, never changed in place
			}
			if v.Field(i).Kind() == reflect.Slice && v.Field(i).Pointer() == copied.Field(i).Pointer() {
				t.Fatalf("%s is shared", name)
			}
			if at, ok := copied.Field(i).Interface().(time.Time); ok && at != time.UnixMilli(at.UnixMilli()).UTC() {
				t.Fatalf("%s is %v, which is not how it is stored", name, at)
			}
		}
	})
}

// The zero of a field is read as its zero, and the times that a store could confuse with it are not.
func TestCodecZeros(t *testing.T) {
	minimal := func() *Record {
		return &Record{
			Identity: Identity{Issuer: "i", Subject: "s"}, Created: time.UnixMilli(0).UTC(), LastUsed: time.UnixMilli(-1).UTC(),
			Limit: Limit{Idle: 1, Max: 1},
		}
	}
	for name, change := range map[string]func(*Record){
		"minimal":            func(*Record) {},
		"1970":               func(s *Record) { s.AuthTime = time.UnixMilli(0).UTC() },
		"a group named \"\"": func(s *Record) { s.Groups = []string{""} },
		"A48: after 2038":    func(s *Record) { s.Created = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC) },
		"only one flag":      func(s *Record) { s.GroupsComplete = true },
	} {
		s := minimal()
		change(s)
		got, err := decodeRecord(written(s))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: wrote %+v, read %+v, %v", name, s, got, err)
		}
	}
}

func TestTokensRoundTrip(t *testing.T) {
	parts := rapid.OneOf(rapid.SampledFrom([]string{"", ".", "..", "1.AXoA", "a.b.c.d.e.f.g.h.i.j", "QUJD", "QUJD=", "QR", "QQ\n", "+/+/", "e30.e30.QUJD"}),
		rapid.StringMatching(`([A-Za-z0-9_=+/-]{0,12}\.){0,9}[A-Za-z0-9_-]{0,40}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		var tokens Tokens
		fill(t, reflect.ValueOf(&tokens).Elem(), "")
		tokens.Refresh = parts.Draw(t, "refresh token")
		got, err := decodeTokens(append(tokens.encode(), field(unknownTag, "newer")...))
		if err != nil || !reflect.DeepEqual(got, tokens) {
			t.Fatalf("wrote %+v, read %+v, %v", tokens, got, err)
		}
	})
	if !(Tokens{}).empty() || (Tokens{Refresh: "r"}).empty() || (Tokens{IDHeader: []byte{1}}).empty() || (Tokens{IDSignature: []byte{1}}).empty() {
		t.Error("which tokens are none")
	}
}

// written is the record without regard to where its tail begins.
func written(s *Record) []byte {
	plain, _ := s.encode()
	return plain
}

func validRecord() []byte {
	return written(&Record{
		Identity: Identity{Issuer: "https://login.example.com", Subject: "1"}, Created: time.UnixMilli(1), LastUsed: time.UnixMilli(1),
		Limit: Limit{Idle: 1, Max: 1}, Groups: []string{"staff", ""}, Claims: []byte("{}"),
	})
}

// Hostile lengths and broken fields are errors, and take no more memory than the record itself.
func TestDecodeRefuses(t *testing.T) {
	valid := validRecord()
	huge := binary.AppendUvarint(binary.AppendUvarint(nil, fieldClaims), math.MaxUint64)
	with := func(more ...byte) []byte { return append(bytes.Clone(valid), more...) }
	tests := map[string][]byte{
		"nothing":                  {},
		"a tag and no more":        with(fieldUser),
		"length without end":       with(fieldUser, 0xff),
		"length over 64 bits":      with(append([]byte{fieldUser}, bytes.Repeat([]byte{0xff}, 10)...)...),
		"tag over 64 bits":         with(bytes.Repeat([]byte{0xff}, 11)...),
		"longer than the record":   with(fieldUser, 2, 'x'),
		"longest there is":         with(huge...),
		"length of 2^63":           with(binary.AppendUvarint([]byte{fieldUser}, 1<<63)...),
		"length of 2^32":           with(binary.AppendUvarint([]byte{fieldUser}, 1<<32)...),
		"id too short":             with(field(fieldID, "short")...),
		"id too long":              with(field(fieldID, "seventeen letters")...),
		"empty number":             with(field(fieldFlags, "")...),
		"number and more":          with(field(fieldIdle, "\x02\x02")...),
		"number cut short":         with(field(fieldMax, "\x80")...),
		"number over 64 bits":      with(field(fieldMax, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")...),
		"time cut short":           with(field(fieldCreated, "\x80")...),
		"a kind that is not known": with(field(fieldKind, string(binary.AppendVarint(nil, 2)))...),
		"a kind over 8 bits":       with(field(fieldKind, string(binary.AppendVarint(nil, 256)))...),
		"a kind below zero":        with(field(fieldKind, string(binary.AppendVarint(nil, -1)))...),
		"no issuer":                with(field(fieldIssuer, "")...),
		"A65: no subject":          with(field(fieldSubject, "")...),
		"never begun":              with(field(fieldCreated, string(binary.AppendVarint(nil, time.Time{}.UnixMilli())))...),
		"never used":               with(field(fieldLastUsed, string(binary.AppendVarint(nil, time.Time{}.UnixMilli())))...),
		"no idle limit":            with(field(fieldIdle, "\x00")...),
		"max lifetime below zero":  with(field(fieldMax, "\x01")...),
	}
	for name, data := range tests {
		if _, err := decodeRecord(data); !errors.Is(err, pack.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := decodeRecord(valid); err != nil {
		t.Error(err)
	}
	if _, err := decodeTokens([]byte{1, 5}); !errors.Is(err, pack.ErrMalformed) {
		t.Errorf("tokens: %v", err)
	}
}

// A record that is cut short anywhere is an error or lacks fields; it is never read past its end.
func TestDecodePrefixes(t *testing.T) {
	valid := validRecord()
	for n := range valid {
		s, err := decodeRecord(valid[:n:n])
		if err == nil && !bytes.Equal(written(s), valid[:n]) {
			t.Errorf("the first %d bytes are read as more than they are", n)
		}
	}
}

// What is decoded shares no memory with what it was decoded from (A30).
func TestDecodeCopies(t *testing.T) {
	data := append(validRecord(), append(field(fieldTokens, "sealed"), field(unknownTag, "newer")...)...)
	s, err := decodeRecord(data)
	if err != nil {
		t.Fatal(err)
	}
	before := written(s)
	for i := range data {
		data[i] ^= 0xff
	}
	if !bytes.Equal(written(s), before) {
		t.Error("the session changed with the buffer")
	}
}

// Groups are both in the claims and in a list of their own. The second time takes little room.
func TestGroupsTakeLittleRoom(t *testing.T) {
	size := func(groups int) int {
		s := Record{Identity: Identity{Issuer: "https://login.example.com", Subject: "ada"}}
		var claims []string
		for range groups {
			id := NewToken().ID
			g := fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
			s.Groups, claims = append(s.Groups, g), append(claims, fmt.Sprintf("%q", g))
		}
		s.Claims = fmt.Appendf(nil, `{"iss":"https://login.example.com","groups":[%s],"sub":"ada"}`, strings.Join(claims, ","))
		plain, tail := s.encode()
		packed, err := pack.Pack(plain, tail)
		if err != nil {
			t.Fatal(err)
		}
		return len(packed)
	}
	if each := float64(size(10)-size(0)) / 10; each > 30 {
		t.Errorf("a group takes %.1f bytes, of which it is 16", each)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	// Field trial 2.13: a field that is there and empty.
	f.Add(append(validRecord(), append(field(fieldClaims, ""), append(field(fieldUserInfo, ""), field(fieldTokens, "")...)...)...))
	f.Add(validRecord())
	f.Add(append(validRecord(), field(unknownTag, "newer")...))
	f.Add(append(validRecord(), fieldUser, 0xff, 0xff, 0xff, 0xff, 0x0f))
	for _, plain := range [][]byte{validRecord(), make([]byte, 1<<16)} {
		packed, err := pack.Pack(plain, 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = decodeTokens(data)
		if plain, err := pack.Unpack(data); err == nil && len(plain) > pack.MaxUnpacked {
			t.Fatalf("unpacked to %d bytes", len(plain))
		}
		s, err := decodeRecord(data)
		if err != nil {
			if !errors.Is(err, pack.ErrMalformed) {
				t.Fatalf("not told apart: %v", err)
			}
			return
		}
		again, err := decodeRecord(written(s))
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Fatalf("read %+v\nthen %+v, %v", s, again, err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, data := range map[string][]byte{"small": validRecord(), "full": written(fullRecord())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeRecord(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	s := fullRecord()
	b.ReportAllocs()
	for b.Loop() {
		s.encode()
	}
}
