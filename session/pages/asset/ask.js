// Latchkey: the dialog of session.js, for browsers that open a window only within a click. See docs/idle-and-spa.md.
const css = `
  dialog { box-sizing: border-box; inline-size: min(26rem, calc(100vw - 2rem)); padding: 1.5rem; border: 1px solid #8888;
    border-radius: 12px; background: #fff; color: #1b1b1b; font: 1rem/1.5 system-ui, sans-serif; color-scheme: light dark; }
  dialog::backdrop { background: #0009; }
  h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
  p { margin: 0 0 1.25rem; }
  div { display: flex; flex-wrap: wrap; gap: .75rem; justify-content: flex-end; }
  button, a { display: inline-flex; align-items: center; min-block-size: 2.75rem; padding: .5rem 1.25rem; box-sizing: border-box; border: 1px solid #767676; border-radius: 8px;
    background: transparent; color: inherit; font: inherit; text-decoration: none; cursor: pointer; }
  a { border-color: #0067b8; background: #0067b8; color: #fff; }
  button:focus-visible, a:focus-visible { outline: 3px solid #0067b8; outline-offset: 2px; }
  @media (prefers-color-scheme: dark) {
    dialog { background: #242424; color: #f2f2f2; }
    button:focus-visible, a:focus-visible { outline-color: #7cc0f5; }
  }`;

const make = (name, text, more) => Object.assign(document.createElement(name), { textContent: text }, more);

// ask shows the dialog, and returns what closes it. Its link opens the sign-in: by start, in a window that may close itself,
// or where the browser blocks that too as any link opens a tab. gone is called when the dialog is closed.
export async function ask(to, start, gone) {
  const { text } = await window.fetch('/.latchkey/session?text=sign_in').then((r) => r.json());
  const host = make('latchkey-sign-in', '', { lang: text.lang, dir: text.dir });
  const root = host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  const dialog = make('dialog', '');
  const link = make('a', text.action, { href: to, target: '_blank', rel: 'noopener', onclick: (e) => start() && e.preventDefault() });
  const actions = make('div', '');
  actions.append(make('button', text.later, { type: 'button', onclick: () => dialog.close() }), link);
  dialog.append(make('h2', text.title, { id: 't' }), make('p', text.lead, { id: 'd' }), actions);
  dialog.setAttribute('aria-labelledby', 't');
  dialog.setAttribute('aria-describedby', 'd');
  dialog.addEventListener('close', () => { host.remove(); gone(); });
  root.append(dialog);
  document.documentElement.append(host);
  dialog.showModal();
  link.focus();
  return () => dialog.close();
}
