const text = (maxLength: number): object => ({ type: 'string', minLength: 1, maxLength });
const pattern = (pattern: string): object => ({ type: 'string', pattern });
const amount = { type: 'integer', minimum: 0, maximum: 999_999 };
const date = { type: 'string', format: 'date' };

const lineItem = {
  description: text(30),
  article_number: pattern('^[A-Z]{2}-[0-9]{4}$'),
  quantity: { type: 'integer', minimum: 1, maximum: 99 },
  unit: { enum: ['piece', 'hour', 'kilogram'] },
  unit_price_cents: amount,
};

const invoice = {
  invoice_number: pattern('^[A-Z]{3}-[0-9]{6}$'),
  issue_date: date,
  due_date: date,
  currency: { enum: ['EUR', 'USD', 'GBP', 'CHF'] },
  vendor_name: text(30),
  vendor_address: text(40),
  vendor_tax_id: pattern('^[A-Z]{2}[0-9]{9}$'),
  customer_name: text(30),
  customer_address: text(40),
  purchase_order_number: pattern('^PO-[0-9]{5}$'),
  payment_method: { enum: ['bank_transfer', 'credit_card', 'direct_debit'] },
  payment_status: { enum: ['pending', 'paid', 'overdue'] },
  is_reverse_charge: { type: 'boolean' },
  line_items: { type: 'array', minItems: 3, maxItems: 3, items: objectOf(lineItem) },
  subtotal_cents: amount,
  discount_cents: amount,
  tax_rate_percent: { type: 'integer', minimum: 0, maximum: 27 },
  tax_amount_cents: amount,
  total_amount_cents: amount,
  notes: text(40),
};

function objectOf(properties: object): object {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

/** An invoice of 20 fields, the lines among them, in the words of JSON Schema that both servers keep. */
export const invoiceSchema = objectOf(invoice);
