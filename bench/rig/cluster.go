package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/redisstore"
)

// slots is the number of hash slots of a Redis Cluster.
const slots = 16384

// clusterForms is how long nodes may take to become a cluster.
const clusterForms = 30 * time.Second

// A Cluster is a Redis Cluster of masters alone.
type Cluster struct{ Nodes []*Redis }

// StartCluster starts so many masters that share the slots equally.
func (r *Rig) StartCluster(ctx context.Context, masters int) (*Cluster, error) {
	c := &Cluster{}
	var meet []any // how the others find the first
	for i := range masters {
		// The port of the cluster's own traffic: by default that of the clients plus 10,000, which may be beyond the last.
		bus, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		_, busPort, err := net.SplitHostPort(bus)
		if err != nil {
			return nil, err
		}
		node, err := r.StartRedis(ctx, "--cluster-enabled", "yes", "--cluster-port", busPort)
		if err != nil {
			return nil, err
		}
		c.Nodes = append(c.Nodes, node)
		client := redis.NewClient(&redis.Options{Addr: node.Address})
		err = client.ClusterAddSlotsRange(ctx, slots*i/masters, slots*(i+1)/masters-1).Err()
		if host, port, splitting := net.SplitHostPort(node.Address); i == 0 {
			meet, err = []any{"CLUSTER", "MEET", host, port, busPort}, errors.Join(err, splitting)
		} else if err == nil {
			err = client.Do(ctx, meet...).Err()
		}
		if err = errors.Join(err, client.Close()); err != nil {
			return nil, fmt.Errorf("forming a cluster: %w", err)
		}
	}
	return c, c.await(ctx)
}

// await waits until every node says that all slots are served, and knows all nodes.
func (c *Cluster) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, clusterForms)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for _, node := range c.Nodes {
		client := redis.NewClient(&redis.Options{Addr: node.Address})
		defer client.Close()
		for {
			info, err := client.ClusterInfo(ctx).Result()
			if err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d\r\n", len(c.Nodes))) {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("the nodes do not become a cluster: %w: %s", context.Cause(ctx), info)
			case <-poll.C:
			}
		}
	}
	return nil
}

// Hosts are the addresses of the nodes.
func (c *Cluster) Hosts() (hosts []string) {
	for _, node := range c.Nodes {
		hosts = append(hosts, node.Address)
	}
	return hosts
}

// Processes are those of the nodes.
func (c *Cluster) Processes() (all []*Process) {
	for _, node := range c.Nodes {
		all = append(all, node.Process)
	}
	return all
}

// Open opens it as the gateways do, to write into it. The caller calls done.
func (c *Cluster) Open() (manager *session.Manager, store session.Store, done func() error, err error) {
	return open(redisstore.Config{Cluster: c.Hosts()})
}

// Used is the memory that all nodes use for what they hold, in bytes.
func (c *Cluster) Used(ctx context.Context) (sum int64, err error) {
	for _, node := range c.Nodes {
		client := redis.NewClient(&redis.Options{Addr: node.Address})
		bytes, err := used(ctx, client)
		if err = errors.Join(err, client.Close()); err != nil {
			return 0, err
		}
		sum += bytes
	}
	return sum, nil
}

// CPU is the CPU time of all nodes.
func (c *Cluster) CPU() (sum time.Duration, err error) {
	for _, node := range c.Nodes {
		cpu, err := node.Process.CPU()
		if err != nil {
			return 0, err
		}
		sum += cpu
	}
	return sum, nil
}

// ClusterGateway starts a gateway whose store is a cluster.
func (r *Rig) ClusterGateway(ctx context.Context, s Setup, c *Cluster) (*Gateway, error) {
	a, err := r.Place()
	if err != nil {
		return nil, err
	}
	a.Cluster = c.Hosts()
	g, err := r.Caddy(ctx, r.Options.Binary, a, s.Caddyfile(a))
	if err != nil {
		return nil, err
	}
	g.Setup, g.Processes = s, append(g.Processes, c.Processes()...)
	return g, nil
}
