import { formatError, quote } from './checks';

/**
 * The part of JSON Schema (2020-12) that model.schema.json uses. `description` says what would be right, and so ends
 * every message.
 */
export interface Schema {
  readonly description?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly oneOf?: readonly Schema[];
  readonly const?: string;
  readonly enum?: readonly (string | number)[];
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

/**
 * Checks a parsed JSON value against a schema.
 * @param where begins every message, such as `model.json`.
 * @throws GradlensError `model-format` for the first fault, with the path of the field, what it is and what would be
 *   right.
 */
export function validate(root: Schema, json: unknown, where: string): void {
  const fault = (path: string, message: string): Error => formatError(`${where}: ${path} ${message}`, { path });
  const check = (schema: Schema, value: unknown, path: string): void => {
    const fail = (): never => {
      throw fault(path || 'the file', `is ${quote(value)}; it should be ${expectation(schema)}`);
    };
    if (schema.$ref) return check(resolve(root, schema), value, path);
    if (schema.oneOf) return check(chooseBranch(schema.oneOf, value) ?? fail(), value, path);
    if (!isAllowed(schema, value)) fail();

    if (Array.isArray(value) && schema.items) value.forEach((item, i) => check(schema.items!, item, `${path}[${i}]`));
    if (!schema.properties) return;
    const fields = new Map(Object.entries(value as object));
    for (const name of schema.required ?? []) {
      if (!fields.has(name))
        throw fault(
          join(path, name),
          `is missing; it should be ${expectation(resolve(root, schema.properties[name]!))}`,
        );
    }
    for (const [name, field] of fields) {
      const known = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
      if (known) check(known, field, join(path, name));
      else if (schema.additionalProperties === false) {
        throw fault(join(path, name), `is unknown; known here are ${Object.keys(schema.properties).join(', ')}`);
      }
    }
  };
  check(root, json, '');
}

/** The branch whose `const` fields the value has: alternatives here always differ by one, their discriminator. */
function chooseBranch(branches: readonly Schema[], value: unknown): Schema | undefined {
  const fields = new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  return branches.find(({ properties }) =>
    Object.entries(properties ?? {}).every(
      ([name, field]) => field.const === undefined || field.const === fields.get(name),
    ),
  );
}

function isAllowed(schema: Schema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum) return schema.enum.includes(value as string);
  switch (schema.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (schema.minLength ?? 0) &&
        new RegExp(schema.pattern ?? '').test(value)
      );
    case 'number':
    case 'integer':
      return (
        isNumber(value, schema.type) &&
        value >= (schema.minimum ?? -Infinity) &&
        value > (schema.exclusiveMinimum ?? -Infinity)
      );
    case 'array':
      return (
        Array.isArray(value) && value.length >= (schema.minItems ?? 0) && value.length <= (schema.maxItems ?? Infinity)
      );
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return true;
  }
}

/** JSON.parse reads 1e999 as infinity. */
function isNumber(value: unknown, type: 'number' | 'integer'): value is number {
  return type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value);
}

function expectation(schema: Schema): string {
  return (
    schema.description ??
    (schema.const ? quote(schema.const) : undefined) ??
    schema.enum?.map(quote).join(' or ') ??
    `a JSON ${schema.type}`
  );
}

function resolve(root: Schema, schema: Schema): Schema {
  return schema.$ref ? root.$defs![schema.$ref.replace('#/$defs/', '')]! : schema;
}

function join(path: string, name: string): string {
  const step = /^\w+$/.test(name) ? name : quote(name);
  return path ? `${path}.${step}` : step;
}
