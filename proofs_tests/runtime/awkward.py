# SPDX-License-Identifier: Apache-2.0
"""Awkward PyTorch: short programs that use what ordinary models use rarely, each unaware of budgets.

A program is a function without arguments that returns tensors. It keeps intermediate results alive
across later work, so that under a small budget they are evicted and have to come back.
"""

import copy
import io
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Awkward = Callable[[], list[Tensor]]

PROGRAMS: dict[str, Awkward] = {}

N = 4096


def awkward(program: Awkward) -> Awkward:
    PROGRAMS[program.__name__] = program
    return program


def churn(times: int = 6) -> Tensor:
    """Work that pushes everything else out of a small memory."""
    total = torch.zeros(N)
    for i in range(times):
        total = total + (torch.arange(N, dtype=torch.float32) * (i + 1)).sin().exp()
    return total


@awkward
def views_of_views() -> list[Tensor]:
    x = torch.randn(64, 64)
    y = (x @ x).relu()
    parts = y.t()[1:, ::2].unflatten(0, (9, 7)).chunk(3, dim=2)
    strided = y.as_strided((8, 8), (3, 5), 7)
    c = churn()
    return [*[p * 2 for p in parts], strided + 1, y.diagonal().clone(), c]


@awkward
def writes_through_views() -> list[Tensor]:
    x = torch.randn(N)
    y = x.exp()
    y[::2] += 1
    y.view(64, 64)[3].mul_(2)
    z = y.sin()
    y[10:20] = x[10:20]
    y.view(64, 64).t()[0].copy_(torch.ones(64))
    c = churn()
    return [y.clone(), z + y, c]


@awkward
def index_writes() -> list[Tensor]:
    x = torch.randn(N).cos()
    i = torch.randint(0, N, (100,))
    y = x * 2
    y[i] = 7.0
    y.index_add_(0, i, torch.ones(100))
    y.masked_fill_(y > 3, 0.5)
    y.scatter_(0, i, torch.full((100,), 2.0))
    y.scatter_reduce_(0, i, torch.full((100,), 3.0), reduce="amax")
    y.put_(i, torch.arange(100.0), accumulate=True)
    c = churn()
    return [y + 1, x, c]


@awkward
def data_dependent_shapes() -> list[Tensor]:
    x = torch.randn(N)
    y = x * 3
    found = y.nonzero()
    unique, inverse, counts = y.round().unique(return_inverse=True, return_counts=True)
    chosen = y[y > 1]
    values, order = y.topk(50)
    ordered, places = y.sort(descending=True)
    c = churn()
    return [found, unique, inverse, counts, chosen * 2, values, order, ordered, places, c]


@awkward
def random_draws() -> list[Tensor]:
    a = torch.randn(N)
    b = F.dropout(a, 0.3)
    g = torch.Generator().manual_seed(7)
    d = torch.rand(N, generator=g)
    e = torch.empty(N).uniform_(generator=g)
    f = torch.randperm(N, generator=g)
    h = torch.bernoulli(d, generator=g)
    k = torch.multinomial(d, 20)
    m = F.rrelu(a, training=True)
    n = torch.normal(a, d)
    c = churn()
    return [b + 1, d, e * 2, f, h, k, m, n, c, torch.rand(3), torch.rand(3, generator=g)]


@awkward
def seeds_set_midway() -> list[Tensor]:
    a = torch.randn(N) * 2
    state = torch.get_rng_state()
    b = torch.randn(N).exp()
    torch.set_rng_state(state)
    d = torch.randn(N).exp()
    torch.manual_seed(3)
    e = torch.randn(N).sin()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        f = torch.rand(N) + 1
    c = churn()
    return [a, b - d, e, f, c, torch.rand(4)]


@awkward
def out_variants() -> list[Tensor]:
    x = torch.randn(N)
    out = torch.empty(N)
    torch.exp(x, out=out)
    y = out * 2
    torch.add(x, y, out=out)
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.long)
    torch.max(x.view(64, 64), 1, out=(values, indices))
    c = churn()
    return [y, out + 0, values, indices, c]


@awkward
def resized_and_set() -> list[Tensor]:
    x = torch.arange(100.0) * 2
    x.resize_(10, 12)
    x[:] = 1
    y = torch.randn(50).exp()
    z = torch.empty(0)
    z.set_(y)  # pyright: ignore[reportArgumentType]
    z.add_(1)
    p = nn.Parameter(torch.randn(30))
    p.data = p.data * 2
    c = churn()
    return [x + 1, y * 2, z.clone(), p.detach() + 0, c]


@awkward
def complex_numbers() -> list[Tensor]:
    x = torch.randn(N)
    f = torch.fft.rfft(x)
    g = f.conj() * f
    im = f.conj().imag
    r = torch.view_as_real(f)
    c = churn()
    return [g.abs(), im + 1, r * 2, torch.fft.irfft(f), torch.polar(x.abs(), x).angle(), c]


@awkward
def linear_algebra() -> list[Tensor]:
    a = torch.randn(32, 32)
    s = a @ a.t() + 32 * torch.eye(32)
    root = torch.linalg.cholesky(s)
    q, r = torch.linalg.qr(a)
    u, d, v = torch.linalg.svd(a)
    x = torch.linalg.solve(s, a)
    c = churn()
    return [root, q, r, u, d, v, x, torch.einsum("ij,kj->ik", a, x), c]


@awkward
def gradients_of_gradients() -> list[Tensor]:
    x = torch.randn(512, requires_grad=True)
    w = torch.randn(512, 512, requires_grad=True)
    y = (x @ w).tanh().pow(2).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    c = churn()
    g.pow(2).sum().backward()
    assert x.grad is not None
    assert w.grad is not None
    return [g.detach(), x.grad, w.grad, c]


@awkward
def functional_transforms() -> list[Tensor]:
    w = torch.randn(16, 16)

    def f(x: Tensor) -> Tensor:
        return (w @ x).sin().sum()

    xs = torch.randn(10, 16)
    grads = torch.func.vmap(torch.func.grad(f))(xs)
    hessian = torch.func.hessian(f)(xs[0])
    tangent = torch.func.jvp(f, (xs[0],), (torch.ones(16),))[1]
    c = churn()
    return [grads, hessian, tangent, c]


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x * x
        ctx.save_for_backward(x, y)
        ctx.scale = float(y.sum()) * 0 + 3
        return y * x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return grads[0] * y * ctx.scale + x * 0


@awkward
def custom_function_and_hooks() -> list[Tensor]:
    x = torch.randn(N, requires_grad=True)
    seen: list[Tensor] = []
    y = Cube.apply(x)
    assert isinstance(y, Tensor)
    y.register_hook(lambda g: seen.append(g * 2))
    z = y.exp().log1p()
    c = churn()
    z.sum().backward()
    assert x.grad is not None
    return [x.grad, *seen, z.detach(), c]


@awkward
def saved_tensor_hooks() -> list[Tensor]:
    x = torch.randn(N, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t * 1):
        y = (x.sin() * x.exp()).sum()
    c = churn()
    y.backward()
    assert x.grad is not None
    return [x.grad, c]


@awkward
def recurrent_layers() -> list[Tensor]:
    lstm, gru = nn.LSTM(16, 24, 2, batch_first=True), nn.GRU(16, 24, bidirectional=True)
    x = torch.randn(4, 30, 16)
    a, (h, _) = lstm(x)
    b, _ = gru(x)
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([30, 20, 10, 5]), batch_first=True)
    d = lstm(packed)[0].data
    c = churn()
    (a.sum() + b.pow(2).sum() + d.sum() + h.sum()).backward()
    return [a.detach(), b.detach(), *[p.grad for m in (lstm, gru) for p in m.parameters() if p.grad is not None], c]


@awkward
def sparse_gradients() -> list[Tensor]:
    e = nn.Embedding(200, 32, sparse=True)
    bag = nn.EmbeddingBag(100, 16, mode="mean")
    i = torch.randint(0, 100, (50,))
    y = e(i).tanh()
    b = bag(i, torch.tensor([0, 10, 30]))
    c = churn()
    (y.sum() + b.pow(2).sum()).backward()
    o = torch.optim.SparseAdam(list(e.parameters()))
    o.step()
    assert e.weight.grad is not None
    assert bag.weight.grad is not None
    return [e.weight.grad.to_dense(), bag.weight.grad, e.weight.detach().clone(), c]


@awkward
def memory_formats() -> list[Tensor]:
    m = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(True), nn.MaxPool2d(2), nn.Conv2d(8, 4, 3))
    m = m.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    x = torch.randn(2, 3, 20, 20).contiguous(memory_format=torch.channels_last)
    y = m(x)
    up = F.interpolate(y, scale_factor=2.0, mode="bilinear")
    c = churn()
    up.pow(2).sum().backward()
    grads = [p.grad for p in m.parameters() if p.grad is not None]
    return [y.detach(), *grads, *m.buffers(), torch.tensor(y.stride()), c]


@awkward
def autocast_and_scaling() -> list[Tensor]:
    m = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 8))
    x = torch.randn(32, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = m(x)
        z = m(x * 2)
    c = churn()
    (y.float().sum() + z.float().pow(2).sum()).backward()
    return [y.detach(), *[p.grad for p in m.parameters() if p.grad is not None], c]


@awkward
def normalized_weights() -> list[Tensor]:
    spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 64))
    weight = nn.utils.parametrizations.weight_norm(nn.Linear(64, 64))
    x = torch.randn(16, 64)
    ys = [weight(spectral(x + i)).tanh() for i in range(3)]
    c = churn()
    sum(y.sum() for y in ys).backward()  # pyright: ignore[reportAttributeAccessIssue]
    grads = [p.grad for m in (spectral, weight) for p in m.parameters() if p.grad is not None]
    return [*[y.detach() for y in ys], *grads, *spectral.buffers(), c]


@awkward
def copies_and_files() -> list[Tensor]:
    m = nn.Linear(32, 32)
    y = m(torch.randn(8, 32)).detach().exp()
    c = churn()
    twin = copy.deepcopy(m)
    other = copy.deepcopy(y)
    file = io.BytesIO()
    torch.save({"y": y, "m": m.state_dict()}, file)
    file.seek(0)
    loaded = torch.load(file)
    return [other, loaded["y"], loaded["m"]["weight"], twin.weight.detach() * 2, c]


@awkward
def python_values() -> list[Tensor]:
    x = torch.randn(40).exp()
    c = churn()
    items = torch.tensor([float(x[0]), x.sum().item(), *x[:3].tolist()])
    array = torch.from_numpy((x * 2).numpy().copy())
    scalar = torch.tensor(x.max().item() > 0)
    return [items, array, scalar, torch.tensor(repr(x).count(",")), x, c]


@awkward
def optimizers() -> list[Tensor]:
    results: list[Tensor] = []
    for make in (torch.optim.Adagrad, torch.optim.RMSprop, torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax,
                 torch.optim.ASGD, torch.optim.Rprop, torch.optim.Adadelta, torch.optim.LBFGS):  # fmt: skip
        m = nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4))
        x = torch.randn(16, 32)
        o = make(m.parameters())

        def closure(m: nn.Module = m, x: Tensor = x, o: Any = o) -> Tensor:
            o.zero_grad()
            loss = m(x).pow(2).mean()
            loss.backward()
            return loss

        for _ in range(2):
            o.step(closure)
        results += [p.detach().clone() for p in m.parameters()]
    return [*results, churn()]


@awkward
def averaged_and_accumulated() -> list[Tensor]:
    m = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 4))
    ema = torch.optim.swa_utils.AveragedModel(m, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    o = torch.optim.SGD(m.parameters(), 0.1, momentum=0.9)
    running = torch.zeros(())
    for step in range(4):
        loss = m(torch.randn(16, 32)).pow(2).mean()
        (loss / 2).backward()
        running = running + loss.detach()
        if step % 2:
            nn.utils.clip_grad_norm_(m.parameters(), 0.5)
            o.step()
            o.zero_grad()
            ema.update_parameters(m)
    return [running, *[p.detach().clone() for p in ema.parameters()], *[b.clone() for b in m.buffers()], churn()]


@awkward
def many_outputs() -> list[Tensor]:
    x = torch.randn(64, 64)
    mean, std = torch.var_mean(x, 1)
    a, b = torch.aminmax(x, dim=0)
    values, indices = x.median(dim=1)
    mode = x.round().mode(1)
    hist = torch.histogram(x.flatten(), bins=10)
    split = torch.split(x.exp(), [10, 20, 34])
    meshed = torch.meshgrid(mean, std, indexing="ij")
    c = churn()
    return [mean, std, a, b, values, indices, *mode, *hist, *[s * 2 for s in split], *meshed, c]


@awkward
def mixture_with_index_add() -> list[Tensor]:
    experts = nn.ModuleList(nn.Linear(32, 32) for _ in range(4))
    gate = nn.Linear(32, 4)
    x = torch.randn(64, 32)
    weights, chosen = gate(x).softmax(-1).topk(2)
    y = torch.zeros_like(x)
    for i, expert in enumerate(experts):
        token, slot = torch.where(chosen == i)
        if token.numel():
            y.index_add_(0, token, expert(x[token]) * weights[token, slot, None])
    c = churn()
    y.pow(2).sum().backward()
    return [y.detach(), *[p.grad for p in [*experts.parameters(), *gate.parameters()] if p.grad is not None], c]


@awkward
def foreign_memory() -> list[Tensor]:
    shared = torch.from_numpy(torch.arange(64.0).numpy().copy())
    y = shared.view(8, 8) @ shared.view(8, 8)
    shared.add_(1)
    z = y.exp() + shared.sum()
    through = torch.from_dlpack(z + 1)
    buffer = torch.frombuffer(bytearray(b"12345678"), dtype=torch.uint8)
    c = churn()
    return [y, z * 2, through, buffer + 1, c]


@awkward
def threads_and_scripts() -> list[Tensor]:
    import threading

    results: list[Tensor] = []
    x = torch.arange(N, dtype=torch.float32).cos()
    worker = threading.Thread(target=lambda: results.append(x * 2 + 1))
    worker.start()
    worker.join()
    return [x, *results, churn()]


@awkward
def exceptions_midway() -> list[Tensor]:
    x = torch.randn(64, 64)
    y = x.exp()
    for bad in (lambda: y @ torch.randn(3), lambda: y.view(7), lambda: y.index_select(0, torch.tensor([999]))):
        try:
            bad()
        except (RuntimeError, IndexError):
            continue
    c = churn()
    return [y * 2, c]


@awkward
def quantized_and_low_precision() -> list[Tensor]:
    x = torch.randn(64)
    q = torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)
    h = x.half() * 2
    b = x.bfloat16().exp()
    c = churn()
    return [q.dequantize(), h, b, q.int_repr(), c]


@awkward
def padded_and_nested() -> list[Tensor]:
    pieces = [torch.randn(i + 1, 8) for i in range(4)]
    padded = nn.utils.rnn.pad_sequence(pieces, batch_first=True)
    stacked = torch.stack([p.sum(0) for p in pieces])
    wide = F.pad(padded, (1, 1), value=2.0).cumsum(1).flip(1).roll(1, 2)
    c = churn()
    return [padded * 2, stacked, wide, torch.cat(pieces).T.contiguous(), c]


@awkward
def attention_kinds() -> list[Tensor]:
    q = torch.randn(2, 4, 32, 16, requires_grad=True)
    k, v = torch.randn(2, 4, 32, 16), torch.randn(2, 4, 32, 16)
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    b = F.scaled_dot_product_attention(q, k, v, dropout_p=0.2)
    m = nn.MultiheadAttention(64, 4, dropout=0.1, batch_first=True)
    x = torch.randn(2, 16, 64)
    d, w = m(x, x, x)
    c = churn()
    (a.sum() + b.pow(2).sum() + d.sum()).backward()
    assert q.grad is not None
    return [
        a.detach(),
        b.detach(),
        d.detach(),
        w.detach(),
        q.grad,
        *[p.grad for p in m.parameters() if p.grad is not None],
        c,
    ]
