// What a person sees at the provider: one button for each account, "Cancel", and "Allow" when consent was asked for.
const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Provider: ${title}</title>
<h1>Provider: ${title}</h1>${body}`;
const escape = (s) => s.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

async function form(req) {
  let body = '';
  for await (const chunk of req) body += chunk;
  return Object.fromEntries(new URLSearchParams(body));
}

// login is what a sign-in of a person yields. Who is "asked" for more (acr_values, max_age, prompt=login) may show
// another acr, amr or auth_age: how many seconds ago they authenticated.
function login(state, user, params) {
  const { asked, ...plain } = state.users[user];
  const more = params.acr_values || params.max_age !== undefined || `${params.prompt}`.split(' ').includes('login');
  const { acr, amr, auth_age: age } = { ...plain, ...(more && asked) };
  const ts = age === undefined ? undefined : Math.floor(Date.now() / 1000) - age;
  return { login: { accountId: user, ...(acr && { acr }), ...(amr && { amr }), ...(ts && { ts }) } };
}

export async function interaction(state, req, res, url) {
  const { provider } = state;
  let details;
  try {
    details = await provider.interactionDetails(req, res);
  } catch {
    res.writeHead(400, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    res.end(page('too late', '<p>This form has been used or is too old.</p>'));
    return;
  }
  const answer = req.method === 'POST' ? await form(req) : {};
  if (answer.cancel) {
    await provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'the person said no' });
    return;
  }
  if (details.prompt.name === 'consent') {
    if (answer.allow) {
      await provider.interactionFinished(req, res, { consent: {} });
      return;
    }
  } else {
    const user = answer.user || (req.method === 'GET' && state.auto);
    if (user && state.users[user]) {
      await provider.interactionFinished(req, res, login(state, user, details.params), { mergeWithLastSubmission: false });
      return;
    }
  }
  const buttons = details.prompt.name === 'consent'
    ? '<button name="allow" value="1">Allow</button>'
    : Object.keys(state.users).map((u) => `<button name="user" value="${escape(u)}">${escape(u)}</button>`).join(' ');
  res.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  res.end(page(details.prompt.name === 'consent' ? 'allow access' : 'who are you?',
    `<form method="post" action="${url.pathname}">${buttons} <button name="cancel" value="1">Cancel</button></form>`));
}
