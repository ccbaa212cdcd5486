package rig

import (
	"context"
	"errors"
	"net"
	"regexp"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
)

// A Redis is a server of this run.
type Redis struct {
	Address string
	Process *Process
}

// StartRedis starts a Redis that keeps nothing on disk, on the core of the gateways. args come after its own, such as
// "--cluster-enabled", "yes".
func (r *Rig) StartRedis(ctx context.Context, args ...string) (*Redis, error) {
	home, err := r.Home()
	if err != nil {
		return nil, err
	}
	address, err := FreeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	args = append([]string{
		"--bind", host, "--port", port, "--dir", home, "--save", "", "--appendonly", "no", "--daemonize", "no",
	}, args...)
	p, err := r.Start(ctx, address, nil, r.Options.Redis, args...)
	if err != nil {
		return nil, err
	}
	return &Redis{Address: address, Process: p}, nil
}

// URL is how a store names it.
func (s *Redis) URL() string { return "redis://" + s.Address + "/0" }

// Open opens it as the gateways do, to write into it. The caller calls done.
func (s *Redis) Open() (manager *session.Manager, store session.Store, done func() error, err error) {
	return open(redisstore.Config{URL: s.URL()})
}

func open(c redisstore.Config) (manager *session.Manager, store session.Store, done func() error, err error) {
	ring, err := keyring.New([]byte(SecretKey))
	if err != nil {
		return nil, nil, nil, err
	}
	if store, err = redisstore.Open(c); err != nil {
		return nil, nil, nil, err
	}
	manager = session.NewManager(session.ManagerConfig{Store: store, Keys: ring, Cache: session.NewCache(session.CacheConfig{Entries: 64})})
	return manager, store, func() error {
		manager.Close()
		return store.Close()
	}, nil
}

// Kept is what a Redis holds: in all, and of that the sign-in log, which is a stream.
type Kept struct{ All, Log int64 }

var usedMemory = regexp.MustCompile(`(?m)^used_memory:(\d+)`)

// Kept asks for it.
func (s *Redis) Kept(ctx context.Context) (Kept, error) {
	client := redis.NewClient(&redis.Options{Addr: s.Address})
	defer client.Close()
	var k Kept
	var err error
	if k.All, err = used(ctx, client); err != nil {
		return Kept{}, err
	}
	streams := client.ScanType(ctx, 0, "*", 1000, "stream").Iterator()
	for streams.Next(ctx) {
		bytes, err := client.MemoryUsage(ctx, streams.Val(), 0).Result()
		if err != nil {
			return Kept{}, err
		}
		k.Log += bytes
	}
	return k, streams.Err()
}

// used is the memory that a server uses for what it holds, in bytes.
func used(ctx context.Context, client *redis.Client) (int64, error) {
	info, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	found := usedMemory.FindStringSubmatch(info)
	if found == nil {
		return 0, errors.New("redis does not say how much memory it uses")
	}
	return strconv.ParseInt(found[1], 10, 64)
}
