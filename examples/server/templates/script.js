'use strict'

// Shows the rows of the inbox again when they have changed. The server renders them.
const status = document.getElementById('status')
if (status?.matches('[data-live]')) {
  const source = new EventSource(`/live${location.search}`)
  source.onopen = () => (status.textContent = '')
  source.onerror = () => (status.textContent = 'Not connected. Reload the page to see new deliveries.')
  source.onmessage = (event) => {
    const focused = document.activeElement
    const selector = focused.closest('tr') && `#${focused.closest('tr').id} a[href="${CSS.escape(focused.getAttribute('href'))}"]`
    document.getElementById('deliveries').innerHTML = event.data
    if (selector) document.querySelector(selector)?.focus()
  }
}
