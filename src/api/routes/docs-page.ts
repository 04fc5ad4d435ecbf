// One page without anything from elsewhere: it reads the description of the service and offers each route to try.

export const DOCS_STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h2 { margin: 2rem 0 .5rem; text-transform: capitalize; }
details { border: 1px solid #8886; border-radius: 6px; margin: .3rem 0; padding: .3rem .7rem; }
summary { cursor: pointer; }
summary code { margin-right: .6rem; }
label { display: grid; grid-template-columns: 16rem 1fr; gap: .6rem; margin: .2rem 0; font-size: .9rem; }
input, textarea, select { font: inherit; font-family: ui-monospace, monospace; padding: .2rem .4rem; }
textarea { width: 100%; min-height: 12rem; box-sizing: border-box; }
pre { background: #8881; padding: .6rem; overflow: auto; max-height: 30rem; white-space: pre-wrap; word-break: break-word; }
button { font: inherit; margin: .5rem 0; padding: .3rem 1rem; }
small { opacity: .75; }
`;

export const DOCS_SCRIPT = `
'use strict';
const make = (name, text, parent) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};
const token = document.getElementById('token');
// Behind the #, which no browser sends to a server; taken away so that it stays in no history and no screenshot.
const given = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash);
if (given) {
  token.value = given[1];
  history.replaceState(null, '', location.pathname);
}
const field = (form, name, hint) => {
  const label = make('label', '', form);
  const caption = make('span', name, label);
  caption.title = hint || '';
  const input = make('input', '', label);
  input.placeholder = (hint || '').slice(0, 80);
  return input;
};
const show = (path, method, operation, parent) => {
  const box = make('details', '', parent);
  const summary = make('summary', '', box);
  make('code', method.toUpperCase() + ' ' + path, summary);
  make('small', operation.summary, summary);
  box.addEventListener('toggle', () => { if (box.open && !box.dataset.filled) fill(box, path, method, operation); });
};
const fill = (box, path, method, operation) => {
  box.dataset.filled = 'yes';
  // Parameters that are described together are sent one by one.
  const inputs = (operation.parameters || []).flatMap((parameter) => parameter.explode
    ? Object.entries(parameter.schema.properties).map(([name, schema]) => ({ name, in: parameter.in, schema }))
    : [parameter]).map((parameter) => ({
    parameter,
    input: field(box, parameter.name, parameter.description || (parameter.schema || {}).description),
  }));
  let body, type;
  if (operation.requestBody) {
    const contents = operation.requestBody.content;
    type = make('select', '', box);
    for (const name of Object.keys(contents)) make('option', name, type);
    body = make('textarea', '', box);
    const example = contents['application/json'] && contents['application/json'].example;
    if (example !== undefined) body.value = JSON.stringify(example, null, 2);
  }
  const accepted = Object.keys((((operation.responses || {})['200']) || {}).content || {});
  let accept;
  if (accepted.length > 1) {
    accept = make('select', '', box);
    for (const name of accepted) make('option', name, accept);
  }
  const button = make('button', 'Send', box);
  const status = make('div', '', box);
  const answer = make('pre', '', box);
  button.addEventListener('click', async () => {
    let target = path;
    const query = new URLSearchParams();
    for (const { parameter, input } of inputs) {
      if (parameter.in === 'path') target = target.replace('{' + parameter.name + '}', encodeURIComponent(input.value));
      else if (input.value !== '') query.set(parameter.name, input.value);
    }
    const headers = {};
    if (token.value) headers.authorization = 'Bearer ' + token.value;
    if (type) headers['content-type'] = type.value;
    if (accept) headers.accept = accept.value;
    status.textContent = '…';
    const from = performance.now();
    const search = query.toString();
    const reply = await fetch(target + (search ? '?' + search : ''), {
      method: method.toUpperCase(), headers, body: body ? body.value : undefined,
    });
    const text = await reply.text();
    status.textContent = reply.status + ' in ' + Math.round(performance.now() - from) + ' ms';
    // As it came: laying it out would pass its numbers through JavaScript.
    answer.textContent = text;
  });
};
fetch('/openapi.json').then((reply) => reply.json()).then((api) => {
  const groups = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, operation]);
    }
  }
  const main = document.querySelector('main');
  for (const [tag, routes] of groups) {
    make('h2', tag, main);
    for (const [path, method, operation] of routes) show(path, method, operation, main);
  }
});
`;

export const DOCS_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>remediation-audit</title>
<style>${DOCS_STYLE}</style>
</head>
<body>
<h1>remediation-audit</h1>
<p>Every route of this service, to try. The whole description is <a href="/openapi.json">openapi.json</a>.</p>
<label>Bearer token, where one is needed <input id="token" type="password" autocomplete="off"></label>
<main></main>
<script>${DOCS_SCRIPT}</script>
</body>
</html>
`;
