/**
 * Asks one model many times at once, from inside the cluster, and prints what came of it as one line of JSON:
 * how often each status and each error code, and how many answers were not whole.
 * Arguments: base URL with /v1, model, number of requests.
 */
const [baseUrl, model, count] = process.argv.slice(1);
const told = { statuses: {}, codes: {}, broken: 0 };

function note(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

async function ask() {
  const messages = [{ role: 'user', content: 'Who are you?' }];
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages, max_tokens: 1 }),
  });
  note(told.statuses, response.status);
  const body = await response.json();
  if (!response.ok) note(told.codes, body.error.code);
  else if (body.usage?.completion_tokens !== 1) told.broken += 1;
}

const asked = Array.from({ length: Number(count) }, () =>
  ask().catch((error) => note(told.statuses, error.cause?.code ?? String(error))),
);
await Promise.all(asked);
console.log(JSON.stringify(told));
