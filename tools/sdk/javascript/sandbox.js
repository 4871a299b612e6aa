// What the tests share. Where the server is, and its key, the SDK reads from OPEN_SANDBOX_DOMAIN and OPEN_SANDBOX_API_KEY.
import { Sandbox } from "@alibaba-group/opensandbox";

export const image = process.env.OPENSANDBOX_TEST_IMAGE ?? "opensandbox/debian:local";

// A busy machine is no fault: readiness has 60 seconds.
export function create(options = {}) {
  return Sandbox.create({
    image,
    timeoutSeconds: 300,
    readyTimeoutSeconds: 60,
    resource: { cpu: "1", memory: "512Mi" },
    ...options,
  });
}

// until asks again until the answer is true: for what the SDK has no call that waits.
export async function until(what, ask, within = 30_000) {
  const late = Date.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > late) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const texts = (messages) => messages.map((m) => m.text);
