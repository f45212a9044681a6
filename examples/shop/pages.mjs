import { productById, products } from './catalogue.mjs';

const price = (cents) => `€ ${(cents / 100).toFixed(2)}`;

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => entities[character]);

/** The list of products. */
export function shopPage(edition, cart) {
  const cards = products.map(
    (product) => `
    <article>
      <div class="picture">${product.picture}</div>
      <h2>${escaped(product.name)}</h2>
      <p>${escaped(product.text)}</p>
      <form method="post" action="/cart">
        <b>${price(product.cents)}</b>
        <button name="product" value="${product.id}">${escaped(edition.button)}</button>
      </form>
    </article>`,
  );
  return page(edition, cart, `<section class="grid">${cards.join('')}</section>`);
}

/** What was put in the cart. `cart` is a list of product ids. */
export function cartPage(edition, cart) {
  const rows = [...new Set(cart)].map((id) => {
    const product = productById.get(id);
    const pieces = cart.filter((one) => one === id).length;
    const sum = price(product.cents * pieces);
    return `<tr><td>${product.picture}</td><td>${escaped(product.name)}</td><td>${pieces} ×</td><td>${sum}</td></tr>`;
  });
  const total = cart.reduce((sum, id) => sum + productById.get(id).cents, 0);
  const body =
    cart.length === 0
      ? `<p>${escaped(edition.emptyCart)}</p>`
      : `<table>${rows.join('')}<tr><td></td><td></td><td></td><th>${price(total)}</th></tr></table>`;
  return page(edition, cart, `<section>${body}<p><a href="/">Back to the shop</a></p></section>`);
}

function page(edition, cart, body) {
  const banner = edition.banner === undefined ? '' : `<p class="banner">${escaped(edition.banner)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(edition.name)}</title>
<style>${style(edition.colours)}</style>
</head>
<body>
${banner}
<header>
  <div><h1><a href="/">${escaped(edition.name)}</a></h1><p>${escaped(edition.tagline)}</p></div>
  <a class="cart" href="/cart">Cart · ${cart.length}</a>
</header>
<main>${body}</main>
<footer>version ${escaped(edition.version)} · answered by process ${process.pid}</footer>
</body>
</html>
`;
}

const style = ({ page, card, ink, accent }) => `
  * { box-sizing: border-box; margin: 0 }
  body { background: ${page}; color: ${ink}; font: 16px/1.5 system-ui, sans-serif }
  a { color: inherit }
  .banner { background: ${accent}; color: #fff; text-align: center; padding: .5rem }
  header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1.5rem }
  header { display: flex; justify-content: space-between; align-items: center; gap: 1rem }
  h1 a { text-decoration: none }
  .cart { border: 2px solid ${accent}; border-radius: 2rem; padding: .4rem 1rem; text-decoration: none; white-space: nowrap }
  .grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1.2rem }
  article { background: ${card}; border-radius: 1rem; padding: 1.2rem; box-shadow: 0 1px 6px rgb(0 0 0 / .09) }
  .picture { font-size: 4rem; text-align: center }
  h2 { font-size: 1.1rem }
  article p { opacity: .75; margin-bottom: .8rem }
  form { display: flex; justify-content: space-between; align-items: center }
  button { background: ${accent}; color: #fff; border: 0; border-radius: .5rem; padding: .5rem .9rem; font: inherit; cursor: pointer }
  table { width: 100%; background: ${card}; border-radius: 1rem; padding: 1rem; margin-bottom: 1rem }
  td:last-child, th:last-child { text-align: right }
  footer { opacity: .6; font-size: .85rem }
`;
