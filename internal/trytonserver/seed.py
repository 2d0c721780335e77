"""Fills an empty Tryton 6.0 database with what the tests need: a company with a
chart of accounts, currencies with 0, 2 and 3 decimals, countries, taxes, products,
stock, and an ordinary user without administrator rights."""
import datetime
import os
from decimal import Decimal as D

from proteus import Model, Wizard, config

cfg = config.set_trytond(os.environ['SEED_DATABASE'], config_file=os.environ['SEED_CONFIG'])
M = Model.get


def one(model, *domain):
    return M(model).find(list(domain), limit=1)[0]


def make(model, **values):
    record = M(model)(**values)
    record.save()
    return record


for item in M('ir.module.config_wizard.item').find([('state', '!=', 'done')]):
    item.state = 'done'
    item.save()

currencies = {}
for code, digits, rate in (
        ('EUR', 2, '1'), ('USD', 2, '1.1'), ('GBP', 2, '0.86'), ('CHF', 2, '0.95'),
        ('SEK', 2, '11.2'), ('JPY', 0, '160'), ('KWD', 3, '0.34')):
    currencies[code] = make('currency.currency', name=code, code=code, symbol=code,
        digits=digits, rounding=D(1).scaleb(-digits))
    make('currency.currency.rate', date=datetime.date(2000, 1, 1), rate=D(rate),
        currency=currencies[code])

for code, name in (
        ('DE', 'Germany'), ('FR', 'France'), ('GB', 'United Kingdom'), ('US', 'United States'),
        ('AT', 'Austria'), ('CH', 'Switzerland'), ('NL', 'Netherlands'), ('IT', 'Italy'),
        ('ES', 'Spain'), ('SE', 'Sweden'), ('JP', 'Japan'), ('KW', 'Kuwait')):
    country = make('country.country', name=name, code=code)
    if code == 'US':
        for state, label in (('TX', 'Texas'), ('CA', 'California'), ('MI', 'Michigan'), ('NY', 'New York')):
            make('country.subdivision', name=label, code='US-' + state, type='state', country=country)


def make_company(name, code):
    wizard = Wizard('company.company.config')
    wizard.execute('company')
    wizard.form.party = make('party.party', name=name, code=code)
    wizard.form.currency = currencies['EUR']
    wizard.execute('add')


make_company('Synthetic Trading Ltd', 'COMPANY')
company, = M('company.company').find()
cfg._context = M('res.user').get_preferences(True, cfg.context)

wizard = Wizard('account.create_chart')
wizard.execute('account')
root = one('ir.model.data', ('module', '=', 'account'), ('fs_id', '=', 'account_template_root_en'))
wizard.form.account_template = M('account.account.template')(root.db_id)
wizard.form.company = company
wizard.execute('create_account')


def account_of(kind):
    return one('account.account', ('type.%s' % kind, '=', True), ('company', '=', company.id))


wizard.form.account_receivable = account_of('receivable')
wizard.form.account_payable = account_of('payable')
wizard.execute('create_properties')

cash = one('account.account', ('name', '=', 'Main Cash'))
revenue, expense = account_of('revenue'), account_of('expense')
for code, name, like in (
        ('1010', 'Bank in transit', cash), ('1090', 'Stripe clearing EUR', cash),
        ('1091', 'Stripe clearing USD', cash), ('1095', 'Payments of nobody', cash), ('4010', 'Online sales', revenue),
        ('4090', 'Refunds', revenue), ('6050', 'Payment fees', expense),
        ('6060', 'Dispute losses', expense)):
    make('account.account', code=code, name=name, type=like.type, parent=like.parent, company=company,
        second_currency=currencies['USD'] if name.endswith('USD') else None)

# What customers have paid and was not applied yet stands under their names.
payable = account_of('payable')
make('account.account', code='2090', name='Customer advances', type=one('account.account', ('name', '=', 'Main Tax')).type,
    parent=payable.parent, company=company, reconcile=True, party_required=True)
make('account.account', code='6070', name='Realised exchange differences', type=expense.type, parent=expense.parent, company=company)

post_type = one('ir.sequence.type', ('name', '=', 'Account Move'))
invoice_type = one('ir.sequence.type', ('name', '=', 'Invoice'))
this = datetime.date.today().year
for year in range(this - 2, this + 2):
    fiscal = M('account.fiscalyear')(
        name=str(year), company=company,
        start_date=datetime.date(year, 1, 1), end_date=datetime.date(year, 12, 31),
        post_move_sequence=make('ir.sequence', name='Post %d' % year, sequence_type=post_type, company=company))
    numbers = make('ir.sequence.strict', name='Invoice %d' % year, sequence_type=invoice_type, company=company)
    for line in fiscal.invoice_sequences:
        line.out_invoice_sequence = line.in_invoice_sequence = numbers
        line.out_credit_note_sequence = line.in_credit_note_sequence = numbers
    fiscal.save()
    fiscal.click('create_period')

# The first month on record is closed, to be refused.
first = one('account.period', ('start_date', '=', datetime.date(this - 2, 1, 1)))
first.click('close')

make('account.journal', name='Stripe', code='STRIPE', type='general',
    sequence=make('ir.sequence', name='Stripe journal', prefix='STRIPE/',
        sequence_type=one('ir.sequence.type', ('name', '=', 'Account Journal'))))
term = M('account.invoice.payment_term')(name='Immediate')
term.lines.new(type='remainder')
term.save()

tax_account = one('account.account', ('name', '=', 'Main Tax'))
for percent in ('0', '5.5', '7', '8.25', '10', '19', '20', '25'):
    name = 'VAT %s%%' % percent
    make('account.tax', name=name, description=name, type='percentage', rate=D(percent) / 100,
        company=company, invoice_account=tax_account, credit_note_account=tax_account)

category = make('product.category', name='Sold online', accounting=True,
    account_expense=expense, account_revenue=revenue)
unit = one('product.uom', ('symbol', '=', 'u'))
stocked = []
for code, name, kind, quantity in (
        ('SKU-RED', 'Red mug', 'goods', 1e6), ('SKU-BLUE', 'Blue mug', 'goods', 1e6),
        ('SKU-POT', 'Teapot', 'goods', 1e6), ('SKU-SCARCE', 'The last one', 'goods', 1),
        ('SKU-NONE', 'Sold out', 'goods', 0), ('SKU-COURSE', 'Brewing course', 'service', 0),
        ('24-MB01', 'Duffle bag', 'goods', 1e6), ('24-MB02', 'Backpack', 'goods', 1e6),
        ('24-UG06', 'Water bottle', 'goods', 1e6), ('24-WG080', 'Yoga kit', 'goods', 1e6),
        ('SHIPPING', 'Delivery', 'service', 0), ('DISCOUNT', 'Discount', 'service', 0),
        ('FEE', 'Surcharge', 'service', 0), ('ROUNDING', 'Rounding', 'service', 0)):
    template = M('product.template')(
        name=name, default_uom=unit, type=kind, list_price=D('10'), cost_price=D('4'),
        salable=True, account_category=category)
    product, = template.products
    product.suffix_code = code
    template.save()
    if quantity:
        stocked.append((template.products[0], quantity))

inventory = M('stock.inventory')(location=one('stock.location', ('code', '=', 'STO')))
for product, quantity in stocked:
    inventory.lines.new(product=product, quantity=quantity)
inventory.save()
inventory.click('confirm')

make('stock.package.type', name='Box')

# A second company without a chart: its records must stay out of sight.
make_company('Sister Company Ltd', 'SISTER')

user = M('res.user')(name='Sync', login=os.environ['SEED_USER'], password=os.environ['SEED_PASSWORD'])
for module, fs_id in (
        ('sale', 'group_sale'), ('sale', 'group_sale_admin'), ('stock', 'group_stock'),
        ('account', 'group_account'), ('account', 'group_account_admin'), ('product', 'group_product_admin'),
        ('party', 'group_party_admin')):
    for found in M('ir.model.data').find([('module', '=', module), ('fs_id', '=', fs_id)]):
        user.groups.append(M('res.group')(found.db_id))
user.companies.append(company)
user.company = company
user.save()
