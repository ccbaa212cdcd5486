// Latchkey: warns before somebody is signed out for want of use. See docs/idle-and-spa.md.
//
// The server decides. It is asked when the time to warn has come and again when it is over, by the wall clock, so that a
// laptop that slept or a tab whose timers were held back is no exception. Only a click or a key counts as use: no
// movement, no scrolling, no timer, no key that is held down, nothing that a script does.
(() => {
  const state = '/.latchkey/session';
  const channel = new BroadcastChannel('latchkey-idle');
  let now; // what the server said last, with the times of the wall clock at which to warn and to ask whether it is over
  let timer, shown, beaten = 0, asked = 0, unsaid = false, asking = false, telling = false, left = false;

  const leave = () => {
    if (left) return;
    left = true;
    channel.postMessage('over');
    location.replace(now ? now.signed_out_url : '/.latchkey/signed-out');
  };

  const ask = async (use) => {
    telling ||= use;
    if (asking || left) return;
    asking = true;
    asked = Date.now();
    use = telling;
    telling = false;
    try {
      const r = await fetch(state, use ? { method: 'POST', headers: { 'Latchkey-Heartbeat': '1' } } : {});
      if (!r.ok) throw new Error(String(r.status));
      const said = await r.json();
      if (!said.signed_in) {
        if (now && now.signed_in) leave();
        return;
      }
      take(said);
      if (use) channel.postMessage('used');
    } catch {
      wait(5000); // the server could not be asked, which says nothing
    } finally {
      asking = false;
      if (telling) ask();
    }
  };

  const take = (said) => {
    now = said;
    if (!said.idle) {
      hide();
      clearTimeout(timer);
      return;
    }
    now.warnAt = Date.now() + said.idle.warn_in * 1000;
    now.endAt = Date.now() + said.ends_in * 1000;
    if (said.idle.warn_in > 0) hide();
    else show();
    wait();
  };

  // wait comes back when something is due, and every half minute, because timers know nothing of a sleep.
  const wait = (at) => {
    clearTimeout(timer);
    const due = at ?? (shown ? 1000 : (unsaid ? Math.min(beaten + now.idle.beat * 1000, now.warnAt) : now.warnAt) - Date.now());
    timer = setTimeout(look, Math.min(Math.max(due, 500), 30000));
  };

  const look = () => {
    if (!now) ask();
    if (left || !now || !now.idle) return;
    const t = Date.now();
    if (unsaid && t >= beaten + now.idle.beat * 1000) tell();
    else if (t >= asked + (shown && t < now.endAt ? 10000 : 2000) && (shown || t >= now.warnAt)) ask();
    if (shown) shown.count();
    if (!left) wait();
  };

  const tell = () => {
    beaten = Date.now();
    unsaid = false;
    ask(true);
  };

  const used = (e) => {
    if (!e.isTrusted || e.repeat || shown || !now || !now.idle) return;
    if (Date.now() >= beaten + now.idle.beat * 1000) tell();
    else if (!unsaid) { unsaid = true; wait(); }
  };

  const css = `
    dialog { box-sizing: border-box; inline-size: min(26rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid #8888;
      border-radius: 12px; background: #fff; color: #1b1b1b; font: 1rem/1.5 system-ui, sans-serif; color-scheme: light dark; }
    dialog::backdrop { background: #0009; }
    h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
    p { margin: 0 0 1rem; }
    .left { font-variant-numeric: tabular-nums; font-weight: 600; }
    div { display: flex; flex-wrap: wrap; gap: .75rem; justify-content: flex-end; }
    button, a { min-block-size: 2.75rem; padding: .5rem 1.25rem; box-sizing: border-box; border: 1px solid #767676; border-radius: 8px;
      background: transparent; color: inherit; font: inherit; text-decoration: none; cursor: pointer; }
    button { border-color: #0067b8; background: #0067b8; color: #fff; }
    button:focus-visible, a:focus-visible { outline: 3px solid #0067b8; outline-offset: 2px; }
    @media (prefers-color-scheme: dark) {
      dialog { background: #242424; color: #f2f2f2; }
      button:focus-visible, a:focus-visible { outline-color: #7cc0f5; }
    }`;

  const make = (name, text, more) => Object.assign(document.createElement(name), { textContent: text }, more);

  const show = () => {
    if (shown) return;
    const text = now.idle.text;
    const host = make('latchkey-idle', '', { lang: text.lang, dir: text.dir });
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    const dialog = make('dialog', '');
    const actions = make('div', '');
    const time = make('p', '', { className: 'left', role: 'timer', ariaLive: 'off' });
    const stay = make('button', text.stay, { type: 'button', onclick: (e) => e.isTrusted && tell() });
    actions.append(make('a', text.sign_out, { href: now.sign_out_url }), stay);
    dialog.append(make('h2', text.title, { id: 't' }), make('p', text.lead, { id: 'd' }), time, actions);
    dialog.setAttribute('role', 'alertdialog');
    dialog.setAttribute('aria-labelledby', 't');
    dialog.setAttribute('aria-describedby', 'd');
    dialog.addEventListener('cancel', (e) => { e.preventDefault(); tell(); }); // Esc is a key, too
    dialog.addEventListener('close', hide);
    root.append(dialog);
    document.documentElement.append(host);
    shown = { host, dialog, count: () => {
      const s = Math.max(0, Math.ceil((now.endAt - Date.now()) / 1000));
      const [n, unit] = s > 90 ? [Math.ceil(s / 60), 'minute'] : [s, 'second'];
      time.textContent = text.left.replace('{time}', new Intl.NumberFormat(text.lang, { style: 'unit', unit, unitDisplay: 'long' }).format(n));
    } };
    shown.count();
    dialog.showModal();
    stay.focus();
  };

  const hide = () => {
    if (!shown) return;
    const { host, dialog } = shown;
    shown = undefined;
    dialog.close();
    host.remove();
  };

  // Another tab has told of a use, or found the session over: the server is asked all the same.
  channel.onmessage = () => { ask(); };
  for (const name of ['click', 'keydown']) addEventListener(name, used, { capture: true, passive: true });
  for (const name of ['focus', 'online', 'pageshow']) addEventListener(name, look);
  document.addEventListener('visibilitychange', look);
  ask();
})();
