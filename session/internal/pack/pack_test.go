package pack

import (
	"bytes"
	"compress/flate"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestPackRoundTrip(t *testing.T) {
	random := noise(MaxUnpacked)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, MaxUnpacked/4).Draw(t, "size")
		mixed := rapid.IntRange(0, n).Draw(t, "random")
		same := rapid.SampledFrom([]byte{0, mark}).Draw(t, "same")
		plain := append(bytes.Clone(random[:mixed]), bytes.Repeat([]byte{same}, n-mixed)...)
		packed, err := Pack(plain, rapid.IntRange(0, n).Draw(t, "tail"))
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) > len(plain)+1 {
			t.Fatalf("%d bytes packed are %d", len(plain), len(packed))
		}
		got, err := Unpack(packed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes come back as %d, %v", len(plain), len(got), err)
		}
	})
}

// A47: what may be packed may be unpacked, to the byte; what is larger is refused by both.
func TestPackBounds(t *testing.T) {
	for name, plain := range map[string][]byte{
		"nothing": nil, "a byte": {0}, "zeros": make([]byte, MaxUnpacked), "noise": noise(MaxUnpacked), "marks": bytes.Repeat([]byte{mark}, MaxUnpacked),
		"identifiers": bytes.Repeat([]byte("0123456789abcdef0123456789abcde\""), MaxUnpacked/32),
	} {
		for _, tail := range []int{0, len(plain) / 2, len(plain)} {
			packed, err := Pack(plain, tail)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := Unpack(packed); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s, %d of them as they are: %d, %v", name, tail, len(got), err)
			}
		}
	}
	if _, err := Pack(make([]byte, MaxUnpacked+1), 0); err == nil || !strings.Contains(err.Error(), "262145 bytes") {
		t.Errorf("a byte too many: %v", err)
	}
}

func compress(t *testing.T, plain []byte) []byte {
	t.Helper()
	buf := bytes.NewBuffer([]byte{packedDictionary, 0})
	w, err := flate.NewWriterDict(buf, flate.DefaultCompression, []byte(dictionary))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(plain)
	_ = w.Close()
	return buf.Bytes()
}

func TestUnpackRefuses(t *testing.T) {
	whole := compress(t, bytes.Repeat([]byte("claims "), 1000))
	for name, packed := range map[string][]byte{
		"nothing":        {},
		"unknown way":    {4, 0},
		"cut, no length": {packedExtracted, 0},
		"cut, too long":  {packedExtracted, 1, 2, 'x', 'y'},
		"cut, vast":      {packedExtracted, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"cut, garbage":   {packedExtracted, 0, 0, 0xff, 0xff, 0xff},
		"cut, left over": append([]byte{packedExtracted, 0, 1, 'x'}, whole[2:]...),
		"tail, cut":      {packedDictionary, 9, 'x'},
		"tail, no end":   {packedDictionary, 0xff, 0xff},
		"tail, vast":     {packedDictionary, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"words, garbage": {packedDictionary, 0, 0xff, 0xff, 0xff},
		"words, empty":   {packedDictionary, 0},
		"retired way":    {1, 0xff},
		"flate, cut":     whole[:len(whole)/2],
		"a byte over":    compress(t, make([]byte, MaxUnpacked+1)),
	} {
		if plain, err := Unpack(packed); !errors.Is(err, ErrMalformed) || plain != nil {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
	if _, err := Unpack(whole); err != nil {
		t.Errorf("after the broken ones: %v", err)
	}
}

// A value that grows without bound is given up early, not unpacked first.
func TestUnpackIsBounded(t *testing.T) {
	bomb := compress(t, make([]byte, 8<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Unpack(bomb); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16*MaxUnpacked {
		t.Errorf("%d bytes that unpack to 8 MiB took %d", len(bomb), grown)
	}
}

// The compressors are shared; what one goroutine packs never shows up in another's value.
func TestPackConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				plain := bytes.Repeat([]byte{byte(g), byte(i)}, 10*(g+1))
				packed, err := Pack(plain, 0)
				if err != nil {
					t.Error(err)
				}
				if got, err := Unpack(packed); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("mixed up: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// A sign-in packs a record and reads one: neither leaves more garbage than what it returns, and a reader.
func TestGarbage(t *testing.T) {
	plain := []byte(dictionary[:1000] + string(noise(200)))
	packed, err := Pack(plain, 100)
	if err != nil {
		t.Fatal(err)
	}
	packing, unpacking := 100.0, 100.0
	for range 50 { // the race detector drops what is pooled now and then
		packing = min(packing, testing.AllocsPerRun(1, func() { _, _ = Pack(plain, 100) }))
		unpacking = min(unpacking, testing.AllocsPerRun(1, func() { _, _ = Unpack(packed) }))
	}
	if packing > 1 || unpacking > 6 {
		t.Errorf("packing allocates %v times, unpacking %v times", packing, unpacking)
	}
}
