package rig

import "testing"

// A server that a test gives back is empty for the next one, and one that cannot be emptied has no next one.
func TestRedisIsGivenBackEmpty(t *testing.T) {
	addr := startRedis(t)
	RedisCommand(t, addr, "SET left over")
	if !emptied(addr) {
		t.Fatal("the server was not emptied")
	}
	if got := RedisCommand(t, addr, "DBSIZE"); got != ":0" {
		t.Errorf("DBSIZE: %s", got)
	}
	RedisCommand(t, addr, "CONFIG SET requirepass secret")
	if emptied(addr) {
		t.Error("a server with a password was taken for an empty one")
	}
}
