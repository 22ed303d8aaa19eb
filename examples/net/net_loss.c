#include "net_loss.h"

#include <math.h>
#include <string.h>

void net_loss_make(net_loss *loss, net_device *device, net_loss_kind kind)
{
  memset(loss, 0, sizeof *loss);
  loss->device = device;
  loss->kind = kind;
  loss->totals = net_vector(device, 3);
}

void net_loss_free(net_loss *loss)
{
  net_tensor_free(&loss->rows);
  net_tensor_free(&loss->totals);
  net_tensor_free(&loss->dlogits);
}

const net_tensor *net_loss_forward(net_loss *loss, const net_tensor *logits, const net_tensor *labels)
{
  net_device *device = loss->device;
  if (logits == NULL || !net_device_ok(device)) {
    return NULL;
  }
  const size_t samples = logits->shape[0];
  if (labels->count != samples || (loss->kind == NET_SIGMOID_LOSS && logits->count != samples)) {
    net_device_fail(device, "loss: %zu labels and %zu logits for %zu samples", labels->count, logits->count, samples);
    return NULL;
  }
  net_tensor_reserve(&loss->rows, device, 2, (size_t[]){samples, 2});
  net_tensor_reserve(&loss->dlogits, device, logits->rank, logits->shape);
  if (loss->kind == NET_SOFTMAX) {
    NET_LAUNCH(device, "net_softmax_loss", samples, net_t(logits), net_t(labels), net_t(&loss->dlogits),
               net_t(&loss->rows), net_u(net_tensor_width(logits)));
  } else {
    NET_LAUNCH(device, "net_sigmoid_loss", samples, net_t(logits), net_t(labels), net_t(&loss->dlogits),
               net_t(&loss->rows));
  }
  NET_LAUNCH(device, "net_loss_add", 1, net_t(&loss->rows), net_t(&loss->totals), net_u(samples));
  return &loss->dlogits;
}

net_score net_loss_read(net_loss *loss)
{
  float totals[3];
  net_tensor_download(&loss->totals, totals);
  net_tensor_fill(&loss->totals, 0.0);
  if (!net_device_ok(loss->device) || totals[2] == 0.0f) {
    return (net_score){NAN, NAN, 0};
  }
  return (net_score){(double)totals[0] / (double)totals[2], (double)totals[1] / (double)totals[2], (size_t)totals[2]};
}
