// What is wrong with an object, field by field, in the words of the API server.

export type CauseReason =
  | 'FieldValueInvalid'
  | 'FieldValueRequired'
  | 'FieldValueNotSupported'
  | 'FieldValueTypeInvalid'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden';

/** One entry of `details.causes`. The message does not name the field. */
export interface Cause {
  readonly reason: CauseReason;
  readonly field: string;
  readonly message: string;
}

const SHOWN: Readonly<Record<CauseReason, string>> = {
  FieldValueInvalid: 'Invalid value',
  FieldValueRequired: 'Required value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueForbidden: 'Forbidden',
};

export interface Shown {
  readonly value: unknown;
  readonly detail?: string;
}

/** A cause that shows the value: `Invalid value: 3: must be ...`. */
export function badValue(reason: CauseReason, field: string, { value, detail }: Shown): Cause {
  const shown = `${SHOWN[reason]}: ${JSON.stringify(value) ?? 'null'}`;
  return { reason, field, message: detail === undefined ? shown : `${shown}: ${detail}` };
}

/** `Invalid value` is the usual one. */
export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return badValue('FieldValueInvalid', field, { value, detail });
}

/** A cause that shows no value: `Required value`. */
export function bare(reason: CauseReason, field: string, detail?: string): Cause {
  const shown = SHOWN[reason];
  return { reason, field, message: detail === undefined ? shown : `${shown}: ${detail}` };
}

export function requiredValue(field: string, detail?: string): Cause {
  return bare('FieldValueRequired', field, detail);
}
