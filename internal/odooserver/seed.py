# Fills an empty Odoo 19, inside "odoo shell", with what the tests need: a company in
# euros with accounts, taxes, products, stock and a lock date, price lists in several
# currencies, a second company that owns nothing, and an ordinary user with an API key.
import datetime

today = datetime.date.today()
company = env.company
eur = env.ref('base.EUR')
currencies = {}
for code, rate in (('EUR', 1), ('USD', 1.1), ('GBP', 0.86), ('CHF', 0.95), ('SEK', 11.2), ('JPY', 160), ('KWD', 0.34)):
    currency = currencies[code] = env['res.currency'].with_context(active_test=False).search([('name', '=', code)])
    currency.active = True
company.write({'name': 'Synthetic Trading Ltd', 'currency_id': eur.id, 'country_id': env.ref('base.de').id})
env['account.chart.template'].try_loading('generic_coa', company=company, install_demo=False)
company.currency_id = eur
for code, rate in (('USD', 1.1), ('GBP', 0.86), ('CHF', 0.95), ('SEK', 11.2), ('JPY', 160), ('KWD', 0.34)):
    env['res.currency.rate'].create({'currency_id': currencies[code].id, 'name': '2000-01-01', 'rate': rate, 'company_id': company.id})
pricelists = env['product.pricelist'].search([])
pricelists.active = False
for code, currency in currencies.items():
    env['product.pricelist'].create({'name': 'Shop ' + code, 'currency_id': currency.id, 'company_id': company.id})

for code, name, kind in (
        ('101001', 'Bank in transit', 'asset_cash'), ('101090', 'Stripe clearing EUR', 'asset_current'),
        ('101091', 'Stripe clearing USD', 'asset_current'), ('401000', 'Online sales', 'income'),
        ('409000', 'Refunds', 'income'), ('605000', 'Payment fees', 'expense'), ('606000', 'Dispute losses', 'expense')):
    env['account.account'].create({'code': code, 'name': name, 'account_type': kind})
env['account.journal'].create({'name': 'Stripe', 'code': 'STRP', 'type': 'general'})
group = env['account.tax.group'].search([], limit=1)
for percent in (0, 5.5, 7, 8.25, 10, 19, 20, 25):
    env['account.tax'].create({'name': 'VAT %s%%' % percent, 'amount': percent, 'type_tax_use': 'sale', 'tax_group_id': group.id,
        'country_id': company.account_fiscal_country_id.id})
env['account.tax'].create({'name': 'VAT 19% included', 'amount': 19, 'type_tax_use': 'sale', 'tax_group_id': group.id,
    'price_include_override': 'tax_included', 'country_id': company.account_fiscal_country_id.id})

warehouse = env['stock.warehouse'].search([('company_id', '=', company.id)], limit=1)
# Goods are reserved when the workflow asks for them, not when an order is confirmed.
warehouse.out_type_id.reservation_method = 'manual'
for code, name, kind, quantity in (
        ('SKU-RED', 'Red mug', 'consu', 1e6), ('SKU-BLUE', 'Blue mug', 'consu', 1e6), ('SKU-POT', 'Teapot', 'consu', 1e6),
        ('SKU-SCARCE', 'The last one', 'consu', 1), ('SKU-NONE', 'Sold out', 'consu', 0),
        ('SKU-COURSE', 'Brewing course', 'service', 0), ('24-MB01', 'Duffle bag', 'consu', 1e6), ('24-MB02', 'Backpack', 'consu', 1e6),
        ('24-UG06', 'Water bottle', 'consu', 1e6), ('24-WG080', 'Yoga kit', 'consu', 1e6), ('SHIPPING', 'Delivery', 'service', 0),
        ('DISCOUNT', 'Discount', 'service', 0), ('FEE', 'Surcharge', 'service', 0), ('ROUNDING', 'Rounding', 'service', 0)):
    # The tax on the product shows that none but the shop's own is taken.
    template = env['product.template'].create({'name': name, 'default_code': code, 'list_price': 10, 'type': kind,
        'is_storable': kind == 'consu', 'taxes_id': [(6, 0, env['account.tax'].search([('amount', '=', 25)]).ids)]})
    if quantity:
        env['stock.quant'].with_context(inventory_mode=True).create({'product_id': template.product_variant_id.id,
            'location_id': warehouse.lot_stock_id.id, 'inventory_quantity': quantity}).action_apply_inventory()

# The first half of the year before last is closed, to be refused.
company.fiscalyear_lock_date = datetime.date(today.year - 2, 6, 30)

sister = env['res.company'].create({'name': 'Sister Company Ltd', 'currency_id': eur.id})

groups = [env.ref(name).id for name in ('base.group_user', 'sales_team.group_sale_manager', 'account.group_account_manager',
    'stock.group_stock_manager', 'product.group_product_manager')]
user = env['res.users'].create({'name': 'Sync', 'login': 'sync', 'password': 'loopback-user-7Ty', 'company_id': company.id,
    'company_ids': [(6, 0, [company.id, sister.id])], 'group_ids': [(6, 0, groups)]})
env.user.company_ids |= sister
key = env['res.users.apikeys'].with_user(user)._generate('rpc', 'sync', datetime.datetime.now() + datetime.timedelta(days=80))
env.cr.commit()
with open('/srv/data/apikey', 'w') as out:
    out.write(key)
