package guess

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/latchkey-gateway/latchkey/bench/crowd"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// floodOf is the variable that makes the program a crowd, and nothing else: the flood has a process of its own, and gives way
// to the users, so that it does not delay them where they are measured.
const floodOf = "LATCHKEY_BENCH_FLOOD"

// Floods reports whether the program was started as a crowd. It was one then, until its standard input has ended.
func Floods() bool {
	file := os.Getenv(floodOf)
	if file == "" {
		return false
	}
	if err := flood(file, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench: flood:", err)
		os.Exit(1)
	}
	return true
}

// flood is what the program does as a crowd that a file describes.
func flood(file string, input io.Reader, output io.Writer) error {
	if err := rig.GiveWay(); err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c crowd.Crowd
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, input)
		cancel()
	}()
	got, err := c.Send(ctx, func() { _, _ = io.WriteString(output, "\n") })
	if err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(got.Status)
}

// describe writes what flood reads.
func describe(c *crowd.Crowd, dir, name string) (file string, err error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, name+".flood")
	return file, os.WriteFile(file, text, 0o600)
}

// beside runs f while a crowd sends requests, and returns how many of its requests had a status.
func beside(ctx context.Context, file string, f func() error) (status map[int]int, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env, cmd.Stderr = append(os.Environ(), floodOf+"="+file), os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(output)
	_, err = reader.ReadString('\n')
	if err == nil {
		err = f()
	}
	err = errors.Join(err, input.Close())
	if err == nil {
		err = json.NewDecoder(reader).Decode(&status)
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("flood: %w", err)
	}
	return status, nil
}
