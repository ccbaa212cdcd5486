// Package failover detects answers and writes of Redis that do not count after a failover.
//
// Redis replicates asynchronously. When a master dies, its last writes are lost. A former master continues to answer
// for some seconds after a failover: it reports ended sessions as live, and new ones as missing. A Guard is a client
// that takes both into account.
//
// A write (Guard.Write) goes through these steps:
//
//  1. The term is noted: the number of changes of the master so far (sentinels.go). Connections to a former master are
//     refused, and closed when the master changes (connections.go). Without sentinels the term never changes.
//  2. The server that has the key is found: with sentinels the master, in a cluster the master of the key's slot. In a
//     cluster without replicas the command is sent alone, and its answer counts.
//  3. The command and a WAIT for the replicas go out in one pipeline on one connection, because WAIT counts the writes of
//     its own connection. With sentinels it waits for all replicas that they call healthy, in a cluster for one.
//  4. No connection: the error of the pipeline. Nothing was written.
//  5. The slot has moved (MOVED, ASK, TRYAGAIN): the command goes to the other node, without a WAIT.
//  6. The command failed, or no answer to WAIT came: an error. The master may have died of it.
//  7. All replicas have confirmed: the write counts.
//  8. Too few have confirmed: the sentinels are asked whether they are replacing the master, or have (still_master.go). If
//     so, the write does not count: ErrDemoted. If not, it counts all the same, as in a cluster, because a master that is
//     alone would otherwise refuse every write. Operators who want that set min-replicas-to-write in Redis.
//
// A read notes the term first, and holds its answer against it afterwards (Guard.StillMaster).
//
// For one server without sentinels nothing is checked: a command is sent, and its answer counts.
//
// The package never decides what an answer means for a session, and never repeats a command.
package failover
