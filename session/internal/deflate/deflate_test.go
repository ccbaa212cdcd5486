package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const testDictionary = `"email":"@example.com","preferred_username":"","name":"","sub":"","groups":["staff","admins"],"iss":"https://` +
	`Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36`

func inflate(t testing.TB, packed []byte) []byte {
	t.Helper()
	text, err := io.ReadAll(flate.NewReaderDict(bytes.NewReader(packed), []byte(testDictionary)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func standard(t testing.TB, text []byte) int {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriterDict(&buf, flate.DefaultCompression, []byte(testDictionary))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(text)
	_ = w.Close()
	return buf.Len()
}

// record is a text like a session's.
func record(seed uint64, groups int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	hex := func(n int) (s string) {
		for range n {
			s += fmt.Sprintf("%x", r.IntN(16))
		}
		return s
	}
	var ids []string
	for range groups {
		ids = append(ids, hex(8)+"-"+hex(4)+"-"+hex(4)+"-"+hex(4)+"-"+hex(12))
	}
	return fmt.Appendf(nil, `{"iss":"https://login.example.com/realms/main","sub":"%s","email":"person-%d@example.com","preferred_username":"person-%d@example.com",`+
		`"name":"A Person","auth_time":1796036530,"groups":["%s"]}%s person-%d@example.com Mozilla/5.0 (Windows NT 10.0) %s`,
		hex(32), seed, seed, strings.Join(ids, `","`), strings.Join(ids, " "), seed, hex(22))
}

func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, maxShort)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 0, maxShort) // a code for it would be deeper than the format allows
	for c, n := 0, 1; len(skewed)+n <= maxShort; c, n = c+1, n+n/2+1 {
		for range n {
			skewed = append(skewed, byte(c))
		}
	}
	r.Shuffle(len(skewed), func(i, j int) { skewed[i], skewed[j] = skewed[j], skewed[i] })
	return map[string][]byte{
		"nothing": {}, "a byte": {'x'}, "three": []byte("abc"), "four": []byte("abcd"), "zeros": make([]byte, maxShort), "noise": noise, "skewed": skewed,
		"the dictionary": []byte(testDictionary), "its first bytes": []byte(testDictionary[:9]), "its last bytes and more": []byte("537.36537.36537.36"),
		"a record": record(1, 10), "many groups": record(2, 200), "the longest": bytes.Repeat([]byte("claims "), maxShort)[:maxShort],
		"a byte over": bytes.Repeat([]byte("claims "), maxShort)[:maxShort+1],
	}
}

// What compress/flate reads is the very text, and what was in the buffer before stays.
func TestAppend(t *testing.T) {
	d := NewDictionary(testDictionary)
	for range 2 { // with memory that was used before, too
		for name, text := range samples() {
			packed := d.Append([]byte("before"), text)
			if rest, ok := bytes.CutPrefix(packed, []byte("before")); !ok || !bytes.Equal(inflate(t, rest), text) {
				t.Errorf("%s comes back as %q", name, inflate(t, packed[len("before"):]))
			}
		}
	}
}

// A record takes no more room than compress/flate would take by default.
func TestSize(t *testing.T) {
	d := NewDictionary(testDictionary)
	for _, groups := range []int{0, 1, 10, 50, 200} {
		ours, theirs := 0, 0
		for seed := range uint64(50) {
			text := record(seed, groups)
			ours += len(d.Append(nil, text))
			theirs += standard(t, text)
		}
		t.Logf("%d groups: %d bytes, compress/flate %d", groups, ours/50, theirs/50)
		if float64(ours) > 1.01*float64(theirs) {
			t.Errorf("%d groups take %d bytes, compress/flate %d", groups, ours/50, theirs/50)
		}
	}
}

func TestAppendProperty(t *testing.T) {
	d := NewDictionary(testDictionary)
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(
			rapid.SampledFrom([]string{testDictionary[:40], testDictionary[50:], "claims ", "\x00\x00\x00\x00", "person@example.com"}), rapid.String(),
		)).Draw(rt, "parts")
		text := []byte(strings.Join(parts, rapid.SampledFrom([]string{"", ",", "\xff"}).Draw(rt, "between")))
		if got := inflate(t, d.Append(nil, text)); !bytes.Equal(got, text) {
			rt.Fatalf("%q comes back as %q", text, got)
		}
	})
}

// A code whose symbols differ very much in how often they occur keeps within the lengths of the format, and has a place
// for each of them.
func TestCodeIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.SampledFrom([]int{7, 15}).Draw(rt, "most")
		symbols := rapid.IntRange(1, map[int]int{7: lengthSymbols, 15: literals}[most]).Draw(rt, "symbols")
		often, n := make([]uint32, symbols), uint32(0)
		for i := range often {
			often[i] = 1 << rapid.Uint32Range(0, 13).Draw(rt, "often") >> 1
			n += min(often[i], 1)
		}
		var c code
		c.build(often, most)
		room, coded := 1<<most, uint32(0)
		for symbol, length := range c.lengths {
			if int(length) > most || symbol < symbols && (often[symbol] > 0) != (length > 0) && n > 0 {
				rt.Fatalf("symbol %d, which occurs %d times, has %d bits", symbol, often[symbol], length)
			}
			if length > 0 {
				room -= 1 << (most - int(length))
				coded++
			}
		}
		if room < 0 || room > 0 && coded > 1 {
			rt.Fatalf("the code has room for %d more of %d", room, 1<<most)
		}
	})
}

func TestGarbage(t *testing.T) {
	d, text := NewDictionary(testDictionary), record(1, 10)
	to := make([]byte, 0, 4<<10)
	least := 1.0
	for range 50 { // the race detector drops what is pooled now and then
		least = min(least, testing.AllocsPerRun(1, func() { to = d.Append(to[:0], text) }))
	}
	if least > 0 {
		t.Errorf("%v allocations", least)
	}
}

func FuzzAppend(f *testing.F) {
	for _, text := range samples() {
		f.Add(text)
	}
	d := NewDictionary(testDictionary)
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := inflate(t, d.Append(nil, text)); !bytes.Equal(got, text) {
			t.Fatalf("%q comes back as %q", text, got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	text := record(1, 10)
	b.Run("ours", func(b *testing.B) {
		d, to := NewDictionary(testDictionary), make([]byte, 0, 4<<10)
		for b.Loop() {
			to = d.Append(to[:0], text)
		}
		b.ReportMetric(float64(len(to)), "bytes")
	})
	b.Run("compress/flate", func(b *testing.B) {
		w, err := flate.NewWriterDict(io.Discard, flate.DefaultCompression, []byte(testDictionary))
		if err != nil {
			b.Fatal(err)
		}
		var buf bytes.Buffer
		for b.Loop() {
			buf.Reset()
			w.Reset(&buf)
			_, _ = w.Write(text)
			_ = w.Close()
		}
		b.ReportMetric(float64(buf.Len()), "bytes")
	})
}
