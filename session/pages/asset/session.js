// Latchkey: fetch() that signs in where needed. See docs/idle-and-spa.md.
const at = '/.latchkey/', page = at + 'sign-in';
let open, last = 0;

// Only an answer of this gateway leads to its sign-in.
async function wanted(r) {
  const is = (h, re) => re.test(r.headers.get(h));
  if (r.status !== 401 || !r.url.startsWith(location.origin + '/')
    || !is('content-type', /^application\/problem\+json/) || !is('www-authenticate', /^latchkey /i)) return;
  const url = (await r.clone().json().catch(() => 0)).sign_in_url;
  if (`${url}`.startsWith(page + '?')) return url;
}

const id = () => window.fetch(at + 'session').then((r) => r.json()).then((s) => s.id, () => 0);

// Our pages sever openers: a channel tells, or the session.
async function wait(ask) {
  const c = new BroadcastChannel('latchkey'), was = await id();
  let over;
  c.onmessage = (m) => { if (m.data === 'done') over = 1; };
  const no = () => { over ??= 0; }, close = await ask(no).catch(no);
  for (let i = 1; i < 600 && over == null; i++) {
    await new Promise((r) => setTimeout(r, 1000));
    const now = i % 3 ? 0 : await id();
    if (now && now !== was) over = 1;
  }
  c.close();
  close?.();
  return !!over;
}

// True once done, false if not in ten minutes.
export async function signIn(url = page) {
  const to = new URL(url, location);
  to.searchParams.set('return', at + 'done');
  const start = () => {
    last = Date.now();
    const w = window.open('', '_blank', 'popup,width=520,height=720');
    if (w) [w.opener, w.location] = [null, to];
    return w;
  };
  const w = (!open || navigator.userActivation?.isActive && Date.now() > last + 2000) && start();
  return open ||= wait(async (no) => w ? null : (await import('./ask.js')).ask(to, start, no)).finally(() => { open = 0; });
}

export async function fetch(...args) {
  for (let i = 0, next = new Request(...args); ; i++) {
    const again = next.clone(), r = await window.fetch(next), url = i < 2 && await wanted(r);
    if (!url || !await signIn(url)) return r;
    next = again;
  }
}
