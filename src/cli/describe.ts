import { GeeError } from "../base/errors.ts";
import { withNextStep } from "./connecting.ts";
import type { DescribeInvocation } from "./describe-args.ts";
import type { Description } from "./description.ts";
import { callExitCode, type Output } from "./output.ts";
import { askServices } from "./running-services.ts";

function noService(name: string): GeeError {
  return new GeeError("UNIMPLEMENTED", `there is no service ${name}`, {
    reason: "NO_SUCH_METHOD",
    executed: "no",
  });
}

/** `gee describe`: what a running server says of a service, or of one method. */
export async function runDescribe(invocation: DescribeInvocation, output: Output): Promise<number> {
  const { service: name, target } = invocation;
  // Loaded while the servers are asked.
  const describing = import("./description.ts");
  let found: Description;
  try {
    const [service] = await askServices([name], invocation, output);
    if (service === undefined) throw noService(name);
    found = await (await describing).describeService(service, invocation, output.json);
  } catch (thrown) {
    const error = withNextStep(GeeError.from(thrown), target);
    await output.error(error);
    return callExitCode(error);
  }
  if (found.kind === "value") await output.value(found.value);
  else await output.data(found.text);
  return 0;
}
