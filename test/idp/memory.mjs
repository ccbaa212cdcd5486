// The provider's memory: one map for all models, outside the provider, so that it outlives a change of keys.
const store = new Map();
const members = new Map(); // grant id -> keys

export const memory = (state) => class Memory {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, payload) {
    if (this.model === 'AuthorizationCode') state.issued.code.push(id);
    store.set(this.key(id), payload);
    if (payload.uid && this.model === 'Session') store.set(`uid:${payload.uid}`, id);
    if (payload.grantId) {
      if (!members.has(payload.grantId)) members.set(payload.grantId, new Set());
      members.get(payload.grantId).add(this.key(id));
    }
  }

  async find(id) { return store.get(this.key(id)); }

  async findByUid(uid) { return this.find(store.get(`uid:${uid}`)); }

  async findByUserCode() { return undefined; }

  async consume(id) { store.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { store.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const key of members.get(grantId) || []) store.delete(key);
    members.delete(grantId);
  }
};

// forget drops everything.
export function forget() { store.clear(); }
