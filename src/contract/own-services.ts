import type { Parameter, ServiceContract, TypeNode } from "./contract.ts";

const text: TypeNode = { kind: "string" };
const flag: TypeNode = { kind: "boolean" };
const count: TypeNode = { kind: "number" };

function parameter(doc: string): Parameter {
  return { name: "service", type: text, optional: true, doc };
}

function words(...values: readonly string[]): TypeNode {
  return { kind: "union", of: values.map((value) => ({ kind: "literal", value })) };
}

function listOf(items: TypeNode): TypeNode {
  return { kind: "array", items };
}

const hashField = { name: "hash", type: text, optional: true, doc: "Absent while none is known." };

/** The contract of `gee.Reflection`: what a server serves. */
export const reflectionContract: ServiceContract = {
  name: "gee.Reflection",
  doc: "What a server serves. Every server has it.",
  methods: [
    {
      name: "Services",
      doc: "The services by name, with the hash of each contract. Those that every server has are left out.",
      signatures: [{ parameters: [], result: listOf({ kind: "ref", name: "ListedService" }) }],
    },
    {
      name: "Describe",
      doc: "What is known of a service, or of all that Services lists. NOT_FOUND when there is none of that name.",
      signatures: [
        {
          parameters: [parameter("Its name; one that every server has can be named, too.")],
          result: listOf({ kind: "ref", name: "DescribedService" }),
        },
      ],
    },
  ],
  types: {
    ListedService: {
      type: {
        kind: "object",
        fields: [
          { name: "name", type: text },
          hashField,
          { name: "methods", type: listOf(text), doc: "Their names." },
        ],
      },
    },
    DescribedService: {
      type: {
        kind: "object",
        fields: [
          { name: "name", type: text },
          hashField,
          { name: "contract", type: text, doc: "JSON text of the contract." },
          { name: "methods", type: listOf({ kind: "ref", name: "DescribedMethod" }) },
        ],
      },
    },
    DescribedMethod: {
      type: {
        kind: "object",
        fields: [
          { name: "name", type: text },
          hashField,
          { name: "idempotent", type: flag, doc: "It may run more than once." },
          {
            name: "timeoutMs",
            type: count,
            optional: true,
            doc: "The longest that its handler may take.",
          },
          {
            name: "concurrency",
            type: count,
            optional: true,
            doc: "How many handlers of it may run at once.",
          },
          { name: "answersStream", type: flag },
          {
            name: "checked",
            type: flag,
            doc: "Something of its arguments is checked before it runs.",
          },
        ],
      },
    },
  },
};

/** The contract of `gee.Health`: whether a server takes calls. */
export const healthContract: ServiceContract = {
  name: "gee.Health",
  doc: "Whether a server takes calls. Every server has it.",
  methods: [
    {
      name: "Check",
      doc: "How it is now. A server that drains refuses this call as all new ones: UNAVAILABLE, DRAINING.",
      signatures: [
        {
          parameters: [parameter("Which service is meant; none: the server.")],
          result: { kind: "ref", name: "HealthState" },
        },
      ],
    },
    {
      name: "Watch",
      doc: "How it is now and whenever that changes, and the same again every 20 s. Ends behind NOT_SERVING.",
      signatures: [
        {
          parameters: [parameter("Which service is meant; none: the server.")],
          result: { kind: "ref", name: "HealthState" },
          stream: true,
        },
      ],
    },
  ],
  types: {
    HealthState: {
      type: {
        kind: "object",
        fields: [{ name: "status", type: words("SERVING", "NOT_SERVING", "SERVICE_UNKNOWN") }],
      },
    },
  },
};
