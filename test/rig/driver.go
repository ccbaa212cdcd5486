package rig

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// driver is the node process that drives every browser of a test run.
type driver struct {
	node    *node
	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	broken  error
}

type answer struct {
	ID     int             `json:"id"`
	Error  string          `json:"error"`
	Page   string          `json:"page"`
	URL    string          `json:"url"`
	Status int             `json:"status"`
	Value  json.RawMessage `json:"value"`
}

var shared struct {
	sync.Mutex
	driver *driver
}

// drive returns the one driver of the run, starting it when first asked.
func drive(t testing.TB) *driver {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.driver == nil {
		nodeModule(t, "playwright-core")
		nodeModule(t, "axe-core")
		d := &driver{node: startNode(t, "browser/driver.mjs"), waiting: map[int]chan answer{}}
		go d.listen()
		onExit(d.node.stop)
		shared.driver = d
	}
	return shared.driver
}

func (d *driver) listen() {
	for {
		var a answer
		err := d.node.read(&a)
		d.mu.Lock()
		if err != nil {
			d.broken = err
			for id, c := range d.waiting {
				c <- answer{ID: id, Error: err.Error()}
				delete(d.waiting, id)
			}
			d.mu.Unlock()
			return
		}
		if c, ok := d.waiting[a.ID]; ok {
			c <- a
			delete(d.waiting, a.ID)
		}
		d.mu.Unlock()
	}
}

// do sends a command and waits for its answer, for at most a minute.
func (d *driver) do(command string, args map[string]any) (answer, error) {
	d.mu.Lock()
	if d.broken != nil {
		d.mu.Unlock()
		return answer{}, d.broken
	}
	d.next++
	id := d.next
	c := make(chan answer, 1)
	d.waiting[id] = c
	message := map[string]any{"id": id, "do": command}
	for k, v := range args {
		message[k] = v
	}
	raw, err := json.Marshal(message)
	if err == nil {
		_, err = d.node.stdin.Write(append(raw, '\n'))
	}
	d.mu.Unlock()
	if err != nil {
		return answer{}, fmt.Errorf("telling the browser to %s: %w", command, err)
	}
	select {
	case a := <-c:
		if a.Error != "" {
			return a, errors.New(a.Error)
		}
		return a, nil
	case <-time.After(2 * Patience):
		return answer{}, fmt.Errorf("telling the browser to %s: no answer", command)
	}
}
