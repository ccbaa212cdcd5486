package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
	"github.com/latchkey-gateway/latchkey/session/redisstore/redistest"
	"github.com/latchkey-gateway/latchkey/session/signinlog/journal"
)

// allowed is every command that the store may use: all of them are in Redis 6.0 and in every Valkey, and none needs more
// than the user that docs/operations.md makes.
var allowed = []string{
	"auth", "hello", "select", "ping", "get", "mget", "getrange", "set", "del", "evalsha", "eval", "zadd", "zrange", "zrangebyscore",
	"zrem", "zremrangebyscore", "pexpire", "publish", "subscribe", "unsubscribe", "xadd", "xrange", "xrevrange", "xlen",
	"xtrim", "wait", "asking", "cluster|slots", "cluster|shards", "readonly", "command", "config|get", "info", "role",
}

// own is what the test asks the servers by itself.
var own = []string{"acl|setuser", "acl|log", "info", "ping", "hello", "config|resetstat", "script|flush", "client|setinfo"}

// documentedUser is the ACL rule of docs/operations.md, as it stands there.
func documentedUser(t *testing.T) []any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`(?m)^ACL SETUSER latchkey .*$`).FindString(string(text))
	if rule == "" {
		t.Fatal("docs/operations.md has no ACL SETUSER latchkey")
	}
	var args []any
	for _, word := range strings.Fields(rule) {
		args = append(args, word)
	}
	return args
}

// everything calls every method of the store.
func everything(t *testing.T, s *redisstore.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	heard := make(chan string, 10)
	listening := make(chan struct{}, 10)
	go func() { _ = s.Subscribe(ctx, func(m string) { heard <- m }, func() { listening <- struct{}{} }) }()
	select {
	case <-listening:
	case <-time.After(patience):
		t.Fatal("the feed cannot be heard")
	}
	must("publish", s.Publish(ctx, "a b"))
	select {
	case <-heard:
	case <-time.After(patience):
		t.Error("a message is not heard")
	}
	must("ping", s.Ping(ctx))
	e := entry("s:acl")
	must("create", s.Create(ctx, e))
	listed := session.Listing{Index: "u:acl", Member: "s:step", Until: e.Expires}
	kept := session.Listing{Index: "a:acl", Member: "s:0", Until: e.Expires, Kept: e.Expires.Add(time.Hour)} // one that removes old members
	step := session.Step{Create: entry("s:step"), In: []session.Listing{listed, kept}, Read: []session.Key{e.Key, "s:none"}, List: "u:acl"}
	done, err := s.Apply(ctx, step)
	if must("step", err); len(done.Entries) != 1 || len(done.Members) != 1 {
		t.Errorf("step: %+v", done)
	}
	_, err = s.Apply(ctx, session.Step{Take: "s:step", From: step.In})
	must("step that takes", err)
	_, err = s.Get(ctx, e.Key)
	must("get", err)
	_, err = s.Stamp(ctx, e.Key)
	must("stamp", err)
	e.Version = 1
	_, err = s.Replace(ctx, e)
	must("replace", err)
	must("enlist", s.Enlist(ctx, "u:acl", e.Key, e.Expires))
	_, err = s.Members(ctx, "u:acl", time.Time{}, 10)
	must("members", err)
	must("delist", s.Delist(ctx, "u:acl", e.Key))
	_, err = s.Remove(ctx, e.Key)
	must("remove", err)
	now := time.Now()
	batch := journal.Batch{Values: [][]byte{[]byte("one"), []byte("two")}, Most: 100, Until: now.Add(time.Hour), Again: true, Owners: []string{"p:acl", "p:acl"}}
	must("append", s.Append(ctx, "log", batch))
	entries, err := s.Before(ctx, "log", journal.Position{}, 10)
	must("before", err)
	if len(entries) > 0 {
		_, err = s.After(ctx, "log", entries[len(entries)-1].Position, 10)
		must("after", err)
	}
	_, err = s.Owned(ctx, "p:acl", 10)
	must("owned", err)
	_, err = s.Len(ctx, "log")
	must("len", err)
	_, err = s.Trim(ctx, "log", 1)
	must("trim", err)
	facts, err := s.Facts(ctx)
	must("facts", err)
	if facts.Version == "" || time.Since(facts.Time).Abs() > time.Minute {
		t.Errorf("facts: %+v", facts)
	}
	_, err = s.Advice(ctx)
	must("advice", err)
}

// commandsOf is what a server was asked to do, from its own statistics.
func commandsOf(s *redistest.Server) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(s.Do("info", "commandstats").(string)) {
		if name, ok := strings.CutPrefix(line, "cmdstat_"); ok {
			name, _, _ = strings.Cut(name, ":")
			all[name] = true
		}
	}
	return all
}

// The user that the documentation makes can do all that the store does, over TLS, also when the server has forgotten the
// scripts, and is refused nothing; and the store asks for nothing that a Valkey or an old Redis does not have.
func TestLeastPrivilege(t *testing.T) {
	server := redistest.StartWith(t, redistest.Config{TLS: true, Password: "the operator's"})
	server.Do(documentedUser(t)...)
	server.Do("config", "resetstat")
	cfg := redisstore.Config{
		URL: strings.Replace(server.URL(0), "the operator's@", "", 1), Username: "latchkey", Password: "secret", TLS: server.TLS.Client(),
	}
	cfg.URL = fmt.Sprintf("rediss://%s/0", server.Addr)
	s := open(t, cfg)
	everything(t, s)
	server.Do("script", "flush")
	everything(t, s)
	if refused, _ := server.Do("acl", "log").([]any); len(refused) > 0 {
		t.Errorf("the user was refused: %v", refused)
	}
	for name := range commandsOf(server) {
		if !slices.Contains(allowed, name) && !slices.Contains(own, name) {
			t.Errorf("command %s is not among those that every server has", name)
		}
	}
	// And no more than that: other keys, other channels and the server itself are out of reach.
	other := cfg
	other.KeyPrefix = "other:"
	if err := open(t, other).Create(t.Context(), entry("s:x")); err == nil || errors.Is(err, session.ErrNotFound) {
		t.Errorf("keys of others can be written: %v", err)
	}
	if err := open(t, other).Publish(t.Context(), "x"); err == nil {
		t.Error("others can be told something")
	}
	for _, command := range [][]any{{"flushall"}, {"keys", "*"}, {"config", "get", "*"}, {"acl", "list"}, {"shutdown"}, {"client", "list"}, {"monitor"}, {"debug", "sleep", "0"}, {"scan", "0"}} {
		args := append([]any{"acl", "dryrun", "latchkey"}, command...)
		if said := server.Do(args...); said == "OK" {
			t.Errorf("the user may %v", command)
		}
	}
}

// A user that was made before MGET was asked for can do all the same.
func TestWithoutMGET(t *testing.T) {
	server := redistest.Start(t)
	server.Do(append(documentedUser(t), "-mget")...)
	everything(t, open(t, redisstore.Config{URL: server.URL(0), Username: "latchkey", Password: "secret"}))
}

// The clock is read by whichever command the user may use, and is unknown to one who may use neither.
func TestFactsByPrivilege(t *testing.T) {
	server := redistest.Start(t)
	for rule, known := range map[string]bool{"+info": true, "+time": true, "+time +info": true, "": false} {
		args := append(documentedUser(t), "-info")
		for _, word := range strings.Fields(rule) {
			args = append(args, word)
		}
		server.Do(args...)
		facts, err := open(t, redisstore.Config{URL: server.URL(0), Username: "latchkey", Password: "secret"}).Facts(t.Context())
		if err != nil || facts.Time.IsZero() == known || known && time.Since(facts.Time).Abs() > time.Minute {
			t.Errorf("%q: %+v, %v", rule, facts, err)
		}
	}
}

// In a cluster each script has one key, and with it one slot.
func TestLeastPrivilegeCluster(t *testing.T) {
	nodes := redistest.StartCluster(t, 2)
	for _, node := range nodes {
		node.Do(documentedUser(t)...)
		node.Do("acl", "setuser", "latchkey", "+cluster|slots", "+cluster|shards", "+readonly", "+asking", "+command")
		node.Do("config", "resetstat")
	}
	everything(t, open(t, redisstore.Config{Cluster: []string{nodes[0].Addr}, Username: "latchkey", Password: "secret"}))
	for _, node := range nodes {
		if refused, _ := node.Do("acl", "log").([]any); len(refused) > 0 {
			t.Errorf("the user was refused: %v", refused)
		}
		for name := range commandsOf(node) {
			if !slices.Contains(allowed, name) && !slices.Contains(own, name) && !strings.HasPrefix(name, "cluster|") {
				t.Errorf("command %s is not among those that every server has", name)
			}
		}
	}
}
