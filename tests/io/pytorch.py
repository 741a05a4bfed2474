#!/usr/bin/env python3
"""The state dict of a PyTorch model, as its users save one from a wrapped model: every name behind "module.".

  pytorch.py FILE         writes it from a model there, with an input "x" and its output "y"; exit status 77 without PyTorch
  pytorch.py FILE names   writes the names and shapes alone, which the other form holds against PyTorch's
"""
import struct
import sys

from foreign import dump

CHANNELS = [(4, 4), (4, 8)]


def layout():
    """Names and shapes, as PyTorch 1.13 and torchvision's blocks have them."""
    shapes = {}

    def norm(name, n):
        shapes.update({f"{name}.{p}": [n] for p in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = []

    shapes["conv1.weight"] = [4, 3, 3, 3]
    norm("bn1", 4)
    for number, (i, o) in enumerate(CHANNELS, 1):
        shapes[f"layer{number}.0.conv1.weight"] = [o, i, 3, 3]
        norm(f"layer{number}.0.bn1", o)
        shapes[f"layer{number}.0.conv2.weight"] = [o, o, 3, 3]
        norm(f"layer{number}.0.bn2", o)
        if i != o:
            shapes[f"layer{number}.0.downsample.0.weight"] = [o, i, 1, 1]
            norm(f"layer{number}.0.downsample.1", o)
    shapes.update({"act.weight": [8], "gn.weight": [8], "gn.bias": [8]})
    shapes.update({"up.weight": [8, 3, 2, 2], "up.bias": [6], "ln.weight": [6, 12, 12], "ln.bias": [6, 12, 12]})
    shapes.update({"seq.0.weight": [6, 3, 3], "seq.0.bias": [6]})
    norm("seq.1", 6)
    shapes.update({"fc.weight": [5, 6], "fc.bias": [5]})
    return shapes


def model(torch):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            stride = 1 if i == o else 2
            self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(o)
            self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(o)
            if i != o:
                self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

        def forward(self, x):
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(4)
            for number, (i, o) in enumerate(CHANNELS, 1):
                setattr(self, f"layer{number}", nn.Sequential(Block(i, o)))
            self.act = nn.PReLU(8)
            self.gn = nn.GroupNorm(2, 8)
            self.up = nn.ConvTranspose2d(8, 6, 2, stride=2, groups=2)
            self.ln = nn.LayerNorm([6, 12, 12])
            self.seq = nn.Sequential(nn.Conv1d(6, 6, 3, groups=2), nn.BatchNorm1d(6))
            self.fc = nn.Linear(6, 5)

        def forward(self, x):
            x = self.layer2(self.layer1(torch.relu(self.bn1(self.conv1(x)))))
            x = self.ln(self.up(self.gn(self.act(x))))
            return self.fc(self.seq(x.flatten(2)).mean(2))

    return Net()


def names(path):
    tensors = {}
    for name, shape in layout().items():
        count = 1
        for n in shape:
            count *= n
        numbers = ("I64", shape, struct.pack("<q", 3)) if shape == [] else ("F32", shape, struct.pack("<f", 0.5) * count)
        tensors["module." + name] = numbers
    dump(path, tensors)


def weights(path):
    try:
        import torch
    except ImportError:
        sys.exit(77)
    torch.manual_seed(1)
    net = model(torch)
    for p in net.parameters():  # 1 and 0 as weight and bias of a norm would hide that they were swapped
        torch.nn.init.uniform_(p, -0.5, 0.5)
    net(torch.randn(8, 3, 12, 12))  # moves the running statistics
    state = net.eval().state_dict()
    assert {name: list(t.shape) for name, t in state.items()} == layout(), "PyTorch has other names"
    x = torch.randn(2, 3, 12, 12)
    state = {"module." + name: t for name, t in state.items()}
    state.update({"x": x, "y": net(x).detach()})
    tensors = {}
    for name, t in state.items():
        dtype = "I64" if t.dtype == torch.int64 else "F32"
        tensors[name] = (dtype, t.shape, t.contiguous().numpy().tobytes())
    dump(path, tensors)


if __name__ == "__main__":
    (names if sys.argv[2:] == ["names"] else weights)(sys.argv[1])
