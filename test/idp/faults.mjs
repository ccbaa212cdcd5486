// Faults to order: the next requests to an endpoint fail, hang, are dropped or answered late.
export class Faults {
  #queue = new Map(); // endpoint -> {times, ...fault}

  #held = new Set();

  set(endpoint, fault) {
    if (fault.times === 0) this.#queue.delete(endpoint);
    else this.#queue.set(endpoint, { times: 1, ...fault });
  }

  clear() {
    this.#queue.clear();
    this.release();
  }

  release() {
    for (const res of this.#held) res.destroy();
    this.#held.clear();
  }

  // meet answers true when the fault was the whole answer. A negative number of times means: until changed.
  async meet(endpoint, req, res) {
    const fault = this.#queue.get(endpoint);
    if (!fault) return false;
    if (fault.times > 0 && --fault.times === 0) this.#queue.delete(endpoint);
    if (fault.delay_ms) await new Promise((resolve) => { setTimeout(resolve, fault.delay_ms); });
    if (fault.drop) { req.socket.destroy(); return true; }
    if (fault.hang) {
      this.#held.add(res);
      res.on('close', () => this.#held.delete(res));
      return true;
    }
    if (!fault.status) return false;
    const headers = { 'content-type': fault.type || 'application/json', 'cache-control': 'no-store' };
    if (fault.retry_after) headers['retry-after'] = fault.retry_after;
    if (fault.location) headers.location = fault.location;
    res.writeHead(fault.status, headers);
    res.end(fault.size ? 'x'.repeat(fault.size) : fault.body || '{}');
    return true;
  }
}
