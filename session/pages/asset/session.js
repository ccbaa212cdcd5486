// Latchkey: fetch(), tried again after a sign-in where one is needed. See docs/idle-and-spa.md.
const at = '/.latchkey/', page = at + 'sign-in';
let open, last = 0;

// Only this gateway's answer, on this origin, leads anywhere: to its sign-in.
async function wanted(r) {
  const is = (name, what) => what.test(r.headers.get(name));
  if (r.status !== 401 || !r.url.startsWith(location.origin + '/')
    || !is('content-type', /^application\/problem\+json/) || !is('www-authenticate', /^latchkey /i)) return;
  const url = String((await r.clone().json().catch(() => 0)).sign_in_url);
  if (url.startsWith(page + '?')) return url;
}

const id = () => window.fetch(at + 'session').then((r) => r.json()).then((s) => s.id, () => 0);

// Our pages sever a window from its opener: a channel tells, or another session.
async function wait() {
  const was = await id(), c = new BroadcastChannel('latchkey');
  let over;
  c.onmessage = (m) => { over = m.data === 'done'; };
  for (let i = 1; i < 600 && !over; i++) {
    await new Promise((r) => setTimeout(r, 1000));
    const now = i % 3 ? was : await id();
    over ||= now && now !== was;
  }
  c.close();
  return !!over;
}

// True once done, false after ten minutes.
export async function signIn(url = page) {
  const to = (back, u = new URL(url, location)) => { u.searchParams.set('return', back); return u; };
  if (!open || navigator.userActivation?.isActive && Date.now() > last + 2000) {
    last = Date.now();
    const w = window.open('', '_blank', 'popup,width=520,height=720');
    if (w) {
      w.opener = null;
      w.location = to(at + 'done');
    } else if (!open) {
      location.assign(to(location.pathname + location.search));
      return false;
    }
  }
  return open ||= wait().finally(() => { open = 0; });
}

export async function fetch(...args) {
  for (let i = 0, next = new Request(...args); ; i++) {
    const again = next.clone(), r = await window.fetch(next), url = i < 2 && await wanted(r);
    if (!url || !await signIn(url)) return r;
    next = again;
  }
}
