import { tmpdir } from "node:os";
import { join } from "node:path";

// What is read of source is kept from one run of the tests to the next, and not among a person's own.
process.env.XDG_CACHE_HOME = join(tmpdir(), `gee-test-cache-${process.getuid?.() ?? 0}`);
