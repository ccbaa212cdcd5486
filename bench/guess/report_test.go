package guess

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
)

// made is a round in which every answer beside the flood takes so many milliseconds, alone one, and the machine does so much else.
func made(beside, foreign float64) round {
	return round{{took: []float64{beside, beside}, foreign: foreign}, {took: []float64{1, 1}}}
}

// A turn that was slow shows in the error of all turns together, and not in the typical turn.
func TestSlower(t *testing.T) {
	var even, once []round
	for range 9 {
		even, once = append(even, made(1.25, 0)), append(once, made(1.25, 0))
	}
	once = append(once, made(20, 0))
	if got := slower(even, 0); got.Value != 1.25 || got.Err > 1e-9 {
		t.Errorf("even rounds: %v", got)
	}
	if got := slower(once, 0); got.Value != 20 || got.Err < 10 {
		t.Errorf("one slow round: %v", got)
	}
	if got := typically(once, 0); math.Abs(got.Value-1.25) > 1e-9 {
		t.Errorf("one slow round, a typical turn: %v", got)
	}
}

// The choice of rounds looks at the rest of the machine alone.
func TestQuieterRounds(t *testing.T) {
	got := quieter([]round{made(1, 3), made(9, 1), made(2, 2)})
	if len(got) != 2 || got[0][0].took[0] != 9 || got[1][0].took[0] != 2 {
		t.Errorf("got %v", got)
	}
}

// A request that arrives in pieces has one answer, and the next one has another.
func TestFloorAnswersEachRequest(t *testing.T) {
	here, there := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- refuseAll(there) }()
	answers := bufio.NewReader(here)
	for _, pieces := range [][]string{{"GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"}, {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}} {
		for _, piece := range pieces {
			if _, err := io.WriteString(here, piece); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || len(body) != 160 {
			t.Errorf("%d, %d bytes, %v", resp.StatusCode, len(body), err)
		}
	}
	if answers.Buffered() > 0 {
		t.Error("there is more than two answers")
	}
	if _, err := io.WriteString(here, strings.Repeat("x", 16<<10)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a request without an end: %v", err)
	}
}
